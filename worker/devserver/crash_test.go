//go:build !nodevserver

package devserver_test

const victimEnv = "LAZARET_TEST_VICTIM"

func victim(string) int { return 0 }
