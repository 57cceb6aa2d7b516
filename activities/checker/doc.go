// Package checker reads Python scripts before they run and says what in them a
// level of isolation is there to stop, with its place: the mention of eval
// behind three aliases, an attribute name put together from parts.
//
// It informs; it is no boundary. A script that it does not understand still
// meets the kernel's rules, and a script that it refuses would have met them
// too, later and with a worse message.
//
// The script is parsed by CPython's own parser and never run. Because a parser
// of hostile input may be made to fail, it works in a sandbox of level maximum,
// within two seconds of processor time; whatever it prints is data of
// unknown origin. A check that does not come to an end is a refusal.
//
// Facts are cached by the script's content, so that a script that runs again
// costs a look-up. What a level makes of them is decided anew each time.
package checker
