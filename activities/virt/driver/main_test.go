package driver_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
)

func TestMain(m *testing.M) {
	if driver.Started() {
		switch os.Args[1] {
		case "test:///unconfined":
			os.Exit(driver.Serve(unruly{}, func(string) error { return os.ErrPermission }))
		case "test:///unlinked":
			_, _ = os.Stderr.WriteString("warming up\nlibvirt.so.0: cannot open\x1b[31m shared object file\n")
			os.Exit(127)
		case "test:///mute":
			os.Exit(1)
		}
		os.Exit(driver.Serve(unruly{}, func(string) error { return nil }))
	}
	goleak.VerifyTestMain(m)
}

// unruly is an Executor that does what the guest's name says.
type unruly struct{}

// Watch tells of its process, and then what the environment of the test asks for.
func (unruly) Watch(ctx context.Context, tell func(virt.Happening)) error {
	tell(virt.Happening{First: true, Guests: []virt.GuestState{{Name: strconv.Itoa(os.Getpid())}}})
	tell(virt.Happening{Guest: virt.GuestState{Name: "web-1"}, Event: "started"})
	<-ctx.Done()
	return ctx.Err()
}

func (unruly) Execute(ctx context.Context, call virt.Call, progress func(virt.Progress)) (any, error) {
	switch name := call.Arguments.Text("name"); name {
	case "pid":
		return os.Getpid(), nil
	case "crash":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {}
	case "panic":
		panic("planted")
	case "exit":
		os.Exit(7)
	case "hang":
		progress(virt.Progress{Text: "hanging"})
		select {}
	case "wait":
		progress(virt.Progress{Text: "waiting"})
		<-ctx.Done()
		return nil, ctx.Err()
	case "garbage":
		_, _ = os.NewFile(3, "socket").WriteString("\xff\xff\xff\xffgarbage")
		select {}
	case "huge":
		return strings.Repeat("x", 8<<20), nil
	case "slow":
		time.Sleep(300 * time.Millisecond)
		return "done", nil
	default:
		return nil, virt.Errorf(virt.NotFound, "there is no guest %q", name)
	}
	return nil, nil
}
