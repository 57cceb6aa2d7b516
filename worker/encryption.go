package worker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/codec"
	"lazaret.dev/lazaret/worker/install"
)

// Where the keys of payloads come from: the first of these that is set.
const (
	payloadKeysVariable   = "LAZARET_PAYLOAD_KEYS"
	payloadKeysCredential = "payload-keys"

	// Instead of a file's name.
	keysAuto = "auto" // the state folder's own ring, made at first use
	keysOff  = "off"
)

// ownKeys is the ring of a state folder.
const ownKeys = "payload.keys"

const payloadKeysUsage = "file of the keys that seal what Temporal stores; auto: one in the state folder; off: none (default $" +
	payloadKeysVariable + ", or the systemd credential " + payloadKeysCredential + ")"

func (a *app) refusePlainFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.refusePlain, "refuse-plain", false, "take no payload that is not sealed; with --payload-keys")
}

// keyFile names the file of the keys; what another process announced comes last.
// Empty means none.
func (a *app) keyFile(announced string) string {
	for _, named := range []string{a.payloadKeys, os.Getenv(payloadKeysVariable), credentialFile(), announced} {
		switch named {
		case "":
		case keysOff:
			return ""
		case keysAuto:
			return announced
		default:
			return named
		}
	}
	return ""
}

// credentialFile is the ring that systemd gave to this service, or empty.
func credentialFile() string {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return ""
	}
	path := filepath.Join(dir, payloadKeysCredential)
	if _, err := os.Stat(path); err != nil { //nolint:gosec // the folder that systemd names
		return ""
	}
	return path
}

// encryption is how a process seals what it exchanges with Temporal.
type encryption struct {
	codec *codec.Codec
	file  string // empty: it only opens
}

func (e *encryption) apply(options *client.Options) {
	if e == nil {
		options.DataConverter = codec.Keyless().Converter()
		return
	}
	e.codec.Apply(options)
}

// working are the options of who works on executions: what it has no key for, it
// leaves to others.
func (e *encryption) working(options client.Options) client.Options {
	if e == nil {
		options.DataConverter = codec.Keyless().Halting().Converter()
		return options
	}
	e.codec.Halting().Apply(&options)
	return options
}

// encrypt lets a connection use the keys of a file; with an empty name there are
// none.
func (a *app) encrypt(options *client.Options, file string) (*encryption, error) {
	if file == "" {
		if a.refusePlain {
			return nil, invalid("name the keys with --payload-keys", "--refuse-plain would refuse everything: there are no keys")
		}
		var none *encryption
		none.apply(options)
		return none, nil
	}
	keeper, err := codec.Open(file, nil)
	if err != nil {
		return nil, keysError(err)
	}
	e := &encryption{codec: codec.New(keeper, codec.Options{RefusePlain: a.refusePlain}), file: file}
	e.apply(options)
	return e, nil
}

// ownEncryption is that of the server that this process starts. With none asked
// for, what the folder's ring has sealed before is opened all the same.
func (a *app) ownEncryption(home *install.Install) (*encryption, error) {
	own := home.Path(ownKeys)
	file := a.keyFile(own)
	asked := a.payloadKeys != "" || os.Getenv(payloadKeysVariable) != "" || credentialFile() != ""
	if file == own && asked {
		if err := makeOwnKeys(own); err != nil {
			return nil, keysError(err)
		}
	}
	sealing := file != "" && asked
	if !sealing {
		if a.refusePlain {
			return nil, invalid("name the keys with --payload-keys", "--refuse-plain would refuse everything: there are no keys")
		}
		if file = own; !exists(own) {
			return nil, nil
		}
	}
	keeper, err := codec.Open(file, nil)
	if err != nil {
		return nil, keysError(err)
	}
	e := &encryption{codec: codec.New(keeper, codec.Options{OpenOnly: !sealing, RefusePlain: a.refusePlain})}
	if sealing {
		if e.file, err = filepath.Abs(file); err != nil {
			return nil, keysError(err)
		}
	}
	return e, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// makeOwnKeys makes a ring with one key, unless there is a ring.
func makeOwnKeys(path string) error {
	if exists(path) {
		return nil
	}
	now := time.Now()
	key, err := codec.NewKey(codec.ChaCha20Poly1305, now, now)
	if err != nil {
		return err
	}
	ring, err := codec.NewRing(key)
	if err != nil {
		return err
	}
	if err := codec.CreateFile(path, ring); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// converter reads payloads that the client hands out as they are stored.
func (s *session) converter() converter.DataConverter {
	if s.values == nil {
		return converter.GetDefaultDataConverter()
	}
	return s.values
}

// keysError gives the package's errors their hint. Keys that cannot be used are
// the operator's to mend: nothing falls back to plain text.
func keysError(err error) error {
	if wrong, ok := errors.AsType[*codec.Error](err); ok {
		return invalid(wrong.Hint, "%w", wrong)
	}
	return invalid("", "%w", err)
}
