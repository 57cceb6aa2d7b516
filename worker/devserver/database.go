//go:build !nodevserver

package devserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"

	"lazaret.dev/lazaret/worker/install"
)

const (
	databaseFile = "temporal.db"
	// stampFile stands beside the database and holds the version of the server
	// that made it: there is no migration of SQLite files between versions.
	stampFile = "temporal.db.version"
)

// database is the server's SQLite database.
type database struct{ sql *config.SQL }

// openDatabase prepares the database that o asks for. Preconditions: the lock of
// o.Install is held.
func openDatabase(o Options) (*database, error) {
	if o.InMemory {
		return memoryDatabase(), nil
	}
	path := o.Install.Path(databaseFile)
	stamp := o.Install.Path(stampFile)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createDatabase(path, stamp)
	}
	if err != nil {
		return nil, stateFolder(path, err)
	}
	if err := checkStamp(path, stamp); err != nil {
		return nil, err
	}
	return &database{sql: fileConfig(path)}, nil
}

// memoryDatabase returns a database of its own: in-memory databases of the same
// name are shared within the process.
func memoryDatabase() *database {
	return &database{sql: &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      rand.Text(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}}
}

// fileConfig describes the database at path. With the write-ahead log a commit
// survives the death of the process at once, and that of the machine at the next
// checkpoint or fsync: synchronous=full would cost an fsync per commit.
func fileConfig(path string) *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: path,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "5000",
		},
	}
}

// createDatabase makes an empty database at path. It gets its name only when it
// is whole and stamped; the draft that an interrupted start left is made anew.
func createDatabase(path, stamp string) (*database, error) {
	if err := refuseOrphanLog(path + "-wal"); err != nil {
		return nil, err
	}
	draft := path + ".new"
	for _, stale := range []string{draft, draft + "-journal"} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, stateFolder(stale, err)
		}
	}
	schema := &config.SQL{
		PluginName:        sqlite.PluginName,
		DatabaseName:      draft,
		ConnectAttributes: map[string]string{"mode": "rwc", "synchronous": "off"},
	}
	if err := sqliteschema.SetupSchema(schema); err != nil {
		return nil, stateFolder(draft, err)
	}
	if err := os.WriteFile(stamp, []byte(Version+"\n"), 0o600); err != nil {
		return nil, stateFolder(stamp, err)
	}
	if err := errors.Join(secure(draft), os.Rename(draft, path)); err != nil {
		return nil, stateFolder(path, err)
	}
	return &database{sql: fileConfig(path)}, nil
}

// secure makes the file private and puts it on the disk: without an fsync per
// statement (synchronous=off) none of it need be there yet.
func secure(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}

// refuseOrphanLog refuses a write-ahead log whose database was moved away from
// under it: SQLite would replay it into the new one.
func refuseOrphanLog(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return nil //nolint:nilerr // no log, no orphan
	}
	return &StartError{
		Code:   StateFolder,
		Reason: fmt.Sprintf("%q is the log of a database that is no longer beside it", path),
		Hint:   "move the database back, or the log to where the database went",
	}
}

// checkStamp refuses a database that another version of the server wrote.
func checkStamp(path, stamp string) error {
	text, err := os.ReadFile(stamp)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return stateFolder(stamp, err)
	}
	written := strings.TrimSpace(string(text))
	if written == Version {
		return nil
	}
	if written == "" {
		written = "of an unknown version"
	}
	old := filepath.Join(filepath.Dir(path), "old")
	return &StartError{
		Code:   VersionMismatch,
		Reason: fmt.Sprintf("database %q was written by Temporal %s, this binary embeds %s", path, written, Version),
		// All of temporal.db*: the write-ahead log is part of the database.
		Hint: fmt.Sprintf("run the lazaret that wrote it, or move it away to begin with an empty one (mkdir %q && mv %q* %q)",
			old, path, old),
	}
}

func stateFolder(path string, err error) error {
	return &StartError{
		Code:   StateFolder,
		Reason: fmt.Sprintf("%q cannot be used: %v", path, err),
		Hint:   "check space and permissions there, or name another folder with --state-dir",
		Err:    err,
	}
}

// createNamespace registers the namespace, complete with its search attributes,
// so that they can be used from the first call on. It leaves one that exists as
// it is; see ensureNamespace.
func (d *database) createNamespace(o Options) error {
	namespace, err := sqliteschema.NewNamespaceConfig(clusterName, install.Namespace, false, o.SearchAttributes)
	if err != nil {
		return fmt.Errorf("namespace %q: %w", install.Namespace, err)
	}
	namespace.Detail.Config.Retention = durationpb.New(o.Retention)
	if err := sqliteschema.CreateNamespaces(d.sql, namespace); err != nil {
		return fmt.Errorf("namespace %q: %w", install.Namespace, err)
	}
	return nil
}

// checkpoint moves the write-ahead log into the database file.
func (d *database) checkpoint() error {
	if d.sql.ConnectAttributes["mode"] == "memory" {
		return nil
	}
	db, err := sql.NewSQLAdminDB(sqlplugin.DbKindMain, d.sql, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("checkpoint %q: %w", d.sql.DatabaseName, err)
	}
	if err := errors.Join(db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"), db.Close()); err != nil {
		return fmt.Errorf("checkpoint %q: %w", d.sql.DatabaseName, err)
	}
	return nil
}
