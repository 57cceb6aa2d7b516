//go:build !nodevserver

package devserver_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// victimEnv makes the test binary a process that serves until it is killed; its
// value is the state folder.
const victimEnv = "LAZARET_TEST_VICTIM"

// A workflow that waits when its server and worker are killed goes on when both
// are back.
func TestCrash_WorkflowGoesOn(t *testing.T) {
	i := newInstall(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+i.Dir())
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	var id string
	_, err = fmt.Fscanln(stdout, &id)
	require.NoError(t, err, "the victim says which workflow waits")
	require.NoError(t, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, stdout)
	require.Error(t, cmd.Wait())

	s, err := devserver.Start(t.Context(), options(i))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	c := dial(t, i, s, install.Worker)
	serve(t, c, "crash")
	require.NoError(t, c.SignalWorkflow(t.Context(), id, "", "go", "on"))
	var word string
	require.NoError(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), &word))
	require.Equal(t, "on", word)
}

// victim serves on dir, starts a workflow, waits until it waits in its turn,
// prints its id, and stays until it is killed.
func victim(dir string) int {
	i, err := install.Open(dir)
	if err != nil {
		panic(err)
	}
	s, err := devserver.Start(context.Background(), options(i))
	if err != nil {
		panic(err)
	}
	c, err := client.Dial(client.Options{HostPort: s.Address(), HeadersProvider: i.Credentials(install.Worker), Logger: quiet{}})
	if err != nil {
		panic(err)
	}
	w := worker.New(c, "crash", worker.Options{})
	w.RegisterWorkflow(awaitWorkflow)
	if err := w.Start(); err != nil {
		panic(err)
	}
	run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{TaskQueue: "crash"}, awaitWorkflow)
	if err != nil {
		panic(err)
	}
	// A query is answered once the first workflow task is done.
	if _, err := c.QueryWorkflow(context.Background(), run.GetID(), "", client.QueryTypeStackTrace); err != nil {
		panic(err)
	}
	fmt.Println(run.GetID())
	select {}
}
