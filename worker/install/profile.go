package install

import "go.temporal.io/sdk/contrib/envconfig"

const profileFile = "temporal.toml"

// ProfilePath returns the path of the client profile. With it in
// TEMPORAL_CONFIG_FILE, the temporal CLI and every SDK that reads environment
// configuration speak to this installation's server as [CLI].
func (i *Install) ProfilePath() string { return i.Path(profileFile) }

// WriteProfile writes the client profile for a server at address (host:port), and
// for the codec server at a URL, unless that is empty.
// The file holds the CLI token and is readable by its owner alone.
func (i *Install) WriteProfile(address, codec string) error {
	profile := &envconfig.ClientConfigProfile{
		Address:   address,
		Namespace: Namespace,
		// Not api_key: clients turn TLS on when they see one.
		GRPCMeta: map[string]string{"authorization": "Bearer " + i.tokens[CLI]},
	}
	if codec != "" {
		profile.Codec = &envconfig.ClientConfigCodec{Endpoint: codec, Auth: "Bearer " + i.tokens[CLI]}
	}
	config := envconfig.ClientConfig{Profiles: map[string]*envconfig.ClientConfigProfile{envconfig.DefaultConfigFileProfile: profile}}
	text, err := config.ToTOML(envconfig.ClientConfigToTOMLOptions{})
	if err != nil {
		return &Error{Reason: "client profile cannot be encoded", Err: err}
	}
	return i.ReplaceFile(profileFile, text)
}
