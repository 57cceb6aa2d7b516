// Package diagram draws a definition: as Mermaid text, for whatever shows
// Markdown, and as SVG. The picture follows the document: a task list is a
// column, a task that holds lists a frame around them, and an arrow is where
// the flow goes. Names and expressions come from the document's author: they are
// cut, and escaped for where they stand.
//
// The SVG is laid out here, since a definition is a tree already: Graphviz for
// Go compiles its WebAssembly whenever the process starts, which every sandbox
// of ours would pay for.
package diagram
