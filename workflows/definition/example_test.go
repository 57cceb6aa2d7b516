package definition_test

import (
	"fmt"
	"os"

	"lazaret.dev/lazaret/workflows/definition"
)

func ExampleParse() {
	d, err := definition.Parse("greet.yaml", []byte(`
document: {dsl: 1.0.3, namespace: test, name: greet, version: 1.0.0}
do:
  - greet:
      set: {text: '${ "Hello, " + .name }'}
  - pause:
      wait: PT5S
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, task := range d.Do {
		fmt.Println(task.Reference, task.Kind())
	}
	// Output:
	// /do/0/greet set
	// /do/1/pause wait
}

func ExampleCheck() {
	_, findings := definition.Check("greet.yaml", []byte(`
document: {dsl: 1.0.3, namespace: test, name: greet, version: 1.0.0}
do:
  - greet:
      set: {text: '${ "Hello, " + $nam }'}
      thne: end
  - pause:
      wait: 5 seconds
`))
	_ = findings.WritePlain(os.Stdout)
	// Output:
	// greet.yaml:5:35: error: invalid expression: unknown variable "$nam" [expression.invalid]
	// greet.yaml:6:7: error: task "greet": unknown property "thne" [schema.unknown-property]
	//     hint: did you mean "then"?
	// greet.yaml:8:7: error: task "pause": wait: expected a duration such as PT15M, {seconds: 30} or ${ … }, found "5 seconds" [schema.format]
}
