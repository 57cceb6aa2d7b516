package expression

const (
	refusedHost   = "reads the worker's environment"
	refusedZone   = "depends on the worker's time zone; use the UTC one"
	refusedInput  = "reads further inputs, and an expression has one"
	refusedEffect = "has an effect beside its result"
	refusedHalt   = "ends the program; use error or empty"
	refusedModule = "loads a module, and an expression stands alone"
)

// refusals are the built-ins of jq whose result or effect depends on the host.
var refusals = map[string]string{
	"env": refusedHost, "$ENV": refusedHost, "get_search_list": refusedHost,
	"localtime": refusedZone, "strflocaltime": refusedZone,
	"input": refusedInput, "inputs": refusedInput, "input_filename": refusedInput, "input_line_number": refusedInput,
	"debug": refusedEffect, "stderr": refusedEffect,
	"halt": refusedHalt, "halt_error": refusedHalt,
	"modulemeta": refusedModule, "import": refusedModule, "include": refusedModule, "module": refusedModule,
}
