package codec

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Apply lets a client, and the workers on it, seal and open all that they
// exchange with Temporal.
func (c *Codec) Apply(options *client.Options) {
	options.DataConverter = c.Converter()
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c.forFailures()),
		EncodeCommonAttributes: true,
	})
}

// Converter returns Temporal's default converter behind the codec.
func (c *Codec) Converter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}
