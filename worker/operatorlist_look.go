package worker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/policies"
)

func lookAtUser(context.Context, *operator) itemAnswer {
	if os.Geteuid() == 0 {
		return missing("this is root")
	}
	return found("uid %d", os.Geteuid())
}

func lookAtFiles(_ context.Context, o *operator) itemAnswer {
	looked := []string{o.book.home.Dir()} // which was opened, and so checked
	if file := o.app.policy.file; file != "" {
		info, err := os.Stat(file)
		if err == nil {
			err = checkOwn(file, info)
		}
		if err != nil {
			return missing("%v", err)
		}
		looked = append(looked, file)
	}
	return found("%s", strings.Join(looked, ", "))
}

func lookAtPolicy(_ context.Context, o *operator) itemAnswer {
	if o.policy == nil {
		return missing("no policy was named with --policy")
	}
	return itemAnswer{ok: true, detail: short(o.policy.Digest), of: o.policy.Digest}
}

func lookAtBreadth(_ context.Context, o *operator) itemAnswer {
	if o.policy == nil {
		return missing("no policy was named with --policy")
	}
	broad := slices.DeleteFunc(o.policy.Lint(nil), func(f policies.Finding) bool { return !strings.HasPrefix(f.Rule, "policy.broad.") })
	if len(broad) > 0 {
		return missing("%s", broad[0])
	}
	return found("lint finds nothing too broad")
}

func lookAtAudit(_ context.Context, o *operator) itemAnswer {
	dir, err := o.app.auditFolder()
	if err != nil {
		return missing("%v", err)
	}
	key, err := audit.ReadPublicKey(filepath.Join(dir, "audit.pub"))
	if errors.Is(err, os.ErrNotExist) {
		return missing("there is none in %s", dir)
	}
	if err == nil {
		err = audit.CheckFolder(dir)
	}
	if err != nil {
		return missing("%v", err)
	}
	report, err := audit.Verify(dir, key)
	if err != nil {
		return missing("%v", err)
	}
	return found("%d lines in %s, whole", report.Lines, dir)
}

// leastRoom is what the disk of the audit log must have free, in bytes: ten times
// a file of it.
const leastRoom = 1 << 30

func lookAtRoom(_ context.Context, o *operator) itemAnswer {
	dir, err := o.app.auditFolder()
	if err != nil {
		return missing("%v", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return missing("%s: %v", dir, err)
	}
	free := fs.Bavail * uint64(fs.Bsize) //nolint:gosec // a block has a positive size
	if free < leastRoom {
		return missing("%d MiB are free in %s, fewer than %d", free>>20, dir, leastRoom>>20)
	}
	return found("%d GiB are free in %s", free>>30, dir)
}

func lookAtMetrics(ctx context.Context, o *operator) itemAnswer {
	if o.metrics == "" {
		return missing("--metrics-address is empty: none are served")
	}
	if err := loopback(metricsFlag, o.metrics, ""); err != nil {
		return missing("%v", err)
	}
	client := retryablehttp.NewClient()
	client.RetryMax, client.Logger, client.HTTPClient.Timeout = 0, nil, 5*time.Second
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.metrics+"/metrics", nil)
	if err != nil {
		return missing("%v", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return missing("no worker answers at %s", o.metrics)
	}
	defer func() { _ = response.Body.Close() }()
	const most = 16 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), "\nlazaret_") {
		return missing("what answers at %s serves no metrics of lazaret", o.metrics)
	}
	return found("a worker answers at %s", o.metrics)
}

func lookAtAlerts(_ context.Context, o *operator) itemAnswer {
	switch {
	case o.policy == nil:
		return missing("no policy was named with --policy")
	case len(o.policy.Targets) == 0:
		return missing("the policy has no targets")
	}
	for _, f := range o.policy.Lint(nil) {
		if f.Rule == "policy.silent" || f.Rule == "policy.unused.target" {
			return missing("%s", f)
		}
	}
	names := make([]string, len(o.policy.Targets))
	for i, t := range o.policy.Targets {
		names[i] = t.Name
	}
	return found("%s", strings.Join(names, ", "))
}

func lookAtContacts(_ context.Context, o *operator) itemAnswer {
	switch {
	case o.policy == nil:
		return missing("no policy was named with --policy")
	case len(o.policy.Contacts) == 0:
		return missing("the policy has no contacts")
	}
	return found("%s", o.policy.Contacts[0].Name)
}

// short is a digest as people compare it.
func short(digest string) string { return digest[:min(12, len(digest))] }
