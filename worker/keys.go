package worker

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/codec"
	"lazaret.dev/lazaret/worker/install"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and renew the keys that seal what Temporal stores",
		Long: `Keys stand in a file that only its owner may read. The newest key that has begun
seals; all of them open. Every process that shares a Temporal needs the same file.`,
		Example: `  lazaret keys create /etc/lazaret/payload.keys
  lazaret keys rotate /etc/lazaret/payload.keys --overlap 24h
  lazaret keys list /etc/lazaret/payload.keys`,
	}
	cmd.AddCommand(a.keysCreateCommand(), a.keysRotateCommand(), a.keysListCommand(), a.keysRemoveCommand())
	return group(cmd)
}

func (a *app) algorithmFlag(cmd *cobra.Command, algorithm *string) {
	cmd.Flags().StringVar(algorithm, "algorithm", string(codec.ChaCha20Poly1305), string(codec.ChaCha20Poly1305)+" or "+string(codec.AES256GCM))
}

func (a *app) keysCreateCommand() *cobra.Command {
	var algorithm string
	cmd := &cobra.Command{
		Use:     "create FILE",
		Short:   "Make a new file with one key, which seals at once",
		Example: `  lazaret keys create /etc/lazaret/payload.keys --algorithm aes-256-gcm`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := addKey(codec.Ring{}, algorithm, 0)
			if err == nil {
				err = codec.CreateFile(args[0], ring)
			}
			return a.saidKeys(args[0], ring, err)
		},
	}
	a.algorithmFlag(cmd, &algorithm)
	return cmd
}

func (a *app) keysRotateCommand() *cobra.Command {
	var algorithm string
	overlap := time.Hour
	cmd := &cobra.Command{
		Use:   "rotate [FILE]",
		Short: "Add a key that seals from a later time on; the old ones go on to open",
		Long: `Rotate adds a key. It begins to seal when --overlap has passed; copy the file to
every other process before that. Processes look at the file every few seconds and
need no restart. Without FILE it is the ring of the state folder.`,
		Example: `  lazaret keys rotate --overlap 0s
  lazaret keys rotate /etc/lazaret/payload.keys --overlap 24h`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.changeKeys(args, func(ring codec.Ring) (codec.Ring, error) {
				if overlap < 0 {
					return ring, invalid("give 0s to begin at once", "--overlap cannot be negative")
				}
				return addKey(ring, algorithm, overlap)
			})
		},
	}
	a.algorithmFlag(cmd, &algorithm)
	cmd.Flags().DurationVar(&overlap, "overlap", overlap, "until the new key begins to seal")
	return cmd
}

func (a *app) keysRemoveCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "remove [FILE] --key ID",
		Short: "Remove a key; what it sealed can never be opened again",
		Long: `Remove a key when every execution that it sealed is past its retention. The key
that seals is not removed.`,
		Example: `  lazaret keys remove /etc/lazaret/payload.keys --key 20260101-ABCDEFGH`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if id == "" {
				return usageError(errors.New("--key is missing"))
			}
			return a.changeKeys(args, func(ring codec.Ring) (codec.Ring, error) { return ring.Without(id, time.Now()) })
		},
	}
	cmd.Flags().StringVar(&id, "key", "", "the key's id, as keys list shows it")
	return cmd
}

func (a *app) keysListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list [FILE]",
		Short:   "Print the keys, without their secrets",
		Example: `  lazaret keys list /etc/lazaret/payload.keys`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.ringFile(args)
			if err != nil {
				return err
			}
			ring, err := codec.ReadFile(path)
			return a.saidKeys(path, ring, err)
		},
	}
}

// ringFile is the file that a command is about: named, or the state folder's.
func (a *app) ringFile(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	home, err := install.Open(a.stateDir)
	if err != nil {
		return "", installError(err)
	}
	own := home.Path(ownKeys)
	if file := a.keyFile(own); file != "" {
		return file, nil
	}
	return own, nil
}

func (a *app) changeKeys(args []string, change func(codec.Ring) (codec.Ring, error)) error {
	path, err := a.ringFile(args)
	if err != nil {
		return err
	}
	ring, err := codec.ReadFile(path)
	if err == nil {
		ring, err = change(ring)
	}
	if err == nil {
		err = codec.ReplaceFile(path, ring)
	}
	return a.saidKeys(path, ring, err)
}

func addKey(ring codec.Ring, algorithm string, overlap time.Duration) (codec.Ring, error) {
	parsed, err := codec.ParseAlgorithm(algorithm)
	if err != nil {
		return ring, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	key, err := codec.NewKey(parsed, now, now.Add(overlap))
	if err != nil {
		return ring, err
	}
	return ring.With(key)
}

// keyView is a key as it is shown.
type keyView struct {
	ID        string    `json:"id"`
	Algorithm string    `json:"algorithm"`
	Created   time.Time `json:"created"`
	From      time.Time `json:"from"`
	Seals     bool      `json:"seals"` // now
}

func (a *app) saidKeys(path string, ring codec.Ring, err error) error {
	if _, ok := errors.AsType[*exitError](err); ok {
		return err
	}
	if err != nil {
		return keysError(err)
	}
	sealing, _ := ring.Sealing(time.Now())
	views := []keyView{}
	for _, k := range ring.Keys() {
		views = append(views, keyView{ID: k.ID, Algorithm: string(k.Algorithm), Created: k.Created, From: k.From, Seals: k.ID == sealing.ID})
	}
	fmt.Fprintln(a.stderr, path)
	return a.printJSON(views)
}
