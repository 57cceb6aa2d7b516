// Package policies holds judgement: what each level permits, as data. It decides
// and does nothing; package sandbox does and decides nothing.
package policies
