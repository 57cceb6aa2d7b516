package worker

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// signatureSuffix names the file beside a definition that holds its signature.
const signatureSuffix = ".sig"

func (a *app) keygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key to sign definitions with",
		Long: `Keygen makes an Ed25519 key: the private one in FILE, for its owner alone, the
public one in FILE.pub, as a policy lists it under signers. It overwrites nothing.`,
		Example: `  lazaret keygen release.key
  lazaret sign nightly.yaml --key release.key`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return a.keygen(args[0]) },
	}
	return cmd
}

func (a *app) keygen(file string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := writeNew(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600); err != nil {
		return err
	}
	text := policies.PublicKeyText(public)
	if err := writeNew(file+".pub", []byte(text+"\n"), 0o644); err != nil {
		_ = os.Remove(file) // made just now, and of no use alone
		return err
	}
	fmt.Fprintln(a.stdout, text)
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(file string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return invalid("choose another name, or move it away", "%s is there already", file)
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return invalid("", "%s: %w", file, unwrapPath(err))
	}
	return nil
}

func (a *app) signCommand() *cobra.Command {
	var key, notAfter string
	cmd := &cobra.Command{
		Use:   "sign FILE…",
		Short: "Sign definitions",
		Long: `Sign checks each definition, signs the SHA-256 of its text and writes the
signature to FILE.sig. From there run, submit, publish and schedule take it along,
and workers hold it against the signers of their policy. Any change of the
definition's text makes it void, and so does the time of --not-after.`,
		Example: `  lazaret sign nightly.yaml --key release.key
  lazaret sign nightly.yaml --key release.key --not-after 2027-06-30
  lazaret verify nightly.yaml --key release.key.pub`,
		Args: files,
		RunE: func(_ *cobra.Command, args []string) error { return a.sign(args, key, notAfter) },
	}
	cmd.Flags().StringVar(&key, "key", "", "the private key, as keygen writes it")
	cmd.Flags().StringVar(&notAfter, "not-after", "", "a day, or a time such as 2027-06-30T12:00:00Z, from which on the signature holds no more (default it holds for ever)")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (a *app) sign(files []string, keyFile, notAfter string) error {
	end, err := signatureEnd(notAfter)
	if err != nil {
		return err
	}
	key, err := readPrivateKey(keyFile)
	if err != nil {
		return err
	}
	for _, file := range files {
		def, err := a.checked(file)
		if err != nil {
			return err
		}
		if err := writeReplaced(file+signatureSuffix, []byte(policies.Sign(key, def.Digest, end)+"\n")); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "signed %s, SHA-256 %s\n", file, def.Digest)
	}
	return nil
}

func signatureEnd(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	end, err := policies.ParseEnd(text)
	switch {
	case err != nil:
		return end, invalid("", "--not-after %w", err)
	case !end.After(time.Now()):
		return end, invalid("name a time to come", "--not-after %s is over", text)
	}
	return end, nil
}

// checked is a definition whose text is right, of a file that has or gets a signature
// beside it.
func (a *app) checked(file string) (*definition.Definition, error) {
	if file == "-" {
		return nil, invalid("write the definition to a file, and name that", "- is standard input, which has no FILE"+signatureSuffix+" beside it")
	}
	text, err := readDefinition(file)
	if err != nil {
		return nil, err
	}
	def, findings := definition.Check(file, text)
	if def == nil {
		if err := findings.WritePlain(a.stderr); err != nil {
			return nil, err
		}
		return nil, &exitError{code: exitInvalid, err: findings, quiet: true}
	}
	return def, nil
}

// writeReplaced replaces a file as a whole.
func writeReplaced(file string, text []byte) error {
	next := fmt.Sprintf("%s.%d", file, os.Getpid())
	err := os.WriteFile(next, text, 0o644) //nolint:gosec // a signature is for all to read
	if err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		_ = os.Remove(next)
		return invalid("", "%s: %w", file, unwrapPath(err))
	}
	return nil
}

func readPrivateKey(file string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, invalid("make one with lazaret keygen "+file, "--key %s: %w", file, unwrapPath(err))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, invalid("chmod 600 "+file, "--key %s can be read by others than its owner", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, invalid("", "--key %s: %w", file, unwrapPath(err))
	}
	block, _ := pem.Decode(text)
	if block != nil {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if private, ok := key.(ed25519.PrivateKey); ok {
				return private, nil
			}
		}
	}
	return nil, invalid("make one with lazaret keygen", "--key %s is no Ed25519 private key in PEM", file)
}

func (a *app) verifyCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Verify the signatures of definitions",
		Long: `Verify holds the signature in FILE.sig against the definition in FILE, and against
a public key or the signers of a policy. It exits with 0 when all are right and
with 3 when one is missing, is not of the definition's text, or is nobody's.`,
		Example: `  lazaret verify nightly.yaml --key release.key.pub
  lazaret verify workflows/*.yaml --policy policy.yaml`,
		Args: files,
		RunE: func(_ *cobra.Command, args []string) error { return a.verify(args, key) },
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key: a file as keygen writes it, or its text")
	a.policyFlag(cmd)
	return cmd
}

func (a *app) verify(files []string, key string) error {
	who, err := a.verifier(key)
	if err != nil {
		return err
	}
	for _, file := range files {
		def, err := a.checked(file)
		if err != nil {
			return err
		}
		signature, err := readSignature(file)
		if err != nil {
			return err
		}
		if signature == "" {
			return refusedSignature(file, "there is no "+file+signatureSuffix)
		}
		name, err := who(def, signature)
		if err != nil {
			return refusedSignature(file, err.Error())
		}
		fmt.Fprintf(a.stdout, "%s: signed by %s, SHA-256 %s\n", file, name, def.Digest)
	}
	return nil
}

func refusedSignature(file, reason string) error {
	return &exitError{code: exitRefused, err: fmt.Errorf("%s: %s", file, reason), hint: "lazaret sign signs it"}
}

// verifier says by whom a definition is signed.
func (a *app) verifier(key string) (func(*definition.Definition, string) (string, error), error) {
	switch {
	case key != "" && a.policy.file != "" || key == "" && a.policy.file == "":
		return nil, invalid("", "give --key or --policy")
	case key != "":
		public, err := readPublicKey(key)
		return func(def *definition.Definition, signature string) (string, error) {
			return key, policies.VerifySignature(public, def.Digest, signature, time.Now())
		}, err
	}
	p, err := readPolicy(a.policy.file, readPolicyOptions())
	return func(def *definition.Definition, signature string) (string, error) {
		x := p.Explain(identityOf(def, signature))
		if by := x.SignedBy; len(by) > 0 {
			return by[0], nil
		}
		if x.Expired != nil {
			return "", x.Expired
		}
		return "", fmt.Errorf("%w: of none of the signers of %s, or of another text", policies.ErrSignature, a.policy.file)
	}, err
}

func readPublicKey(given string) (ed25519.PublicKey, error) {
	if key, err := policies.ParsePublicKey(given); err == nil {
		return key, nil
	}
	text, err := os.ReadFile(given)
	if err != nil {
		return nil, invalid("", "--key %s: %w", given, unwrapPath(err))
	}
	key, err := policies.ParsePublicKey(string(text))
	if err != nil {
		return nil, invalid("", "--key %s: %w", given, err)
	}
	return key, nil
}

// maxSignature bounds a signature's file, in bytes.
const maxSignature = 4 << 10

// readSignature reads what stands beside a definition; empty where nothing does.
func readSignature(file string) (string, error) {
	text, err := os.ReadFile(file + signatureSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", invalid("", "signature %s: %w", file+signatureSuffix, unwrapPath(err))
	case len(text) > maxSignature:
		return "", invalid("sign it again with lazaret sign", "signature %s is %d bytes, over the limit of %d", file+signatureSuffix, len(text), maxSignature)
	}
	return string(text), nil
}
