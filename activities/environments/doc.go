// Package environments gives Python scripts the interpreter and the packages
// that they ask for.
//
// # Model
//
// An interpreter is named by its version and is one that the machine has or the
// operator configured, never a path of a definition.
//
// Packages become a [Lock] first: every package with its version and the hashes
// of its wheels, from the operator's own lock file, from the requirements file
// of a definition, or resolved against the operator's [Index]. A lock and a
// version of Python name an environment: a folder of installed wheels that
// never changes, shown read-only to every script that has the same lock.
//
// Wheels alone are installed, so that no code of a package runs before a
// script's own sandbox. pip itself runs in a sandbox that reaches the index and
// nothing else; what it hands back is data, unpacked within bounds.
//
// # Folders
//
// A [Cache] may be shared by the workers of a machine. Each environment has a
// lock file, held shared while in use and exclusively while built or removed,
// so that two builds never meet and nothing in use is removed. An environment
// appears by a rename, whole.
//
// # Limits
//
// Files named *.pth are not executed: packages that need them (editable
// installs, old namespace packages) do not work. Nor are programs that a wheel
// brings put anywhere.
package environments
