package codec

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
)

// maxRequest bounds what a request may hold, in bytes: a page of history.
const maxRequest = 64 << 20

// Handler serves Temporal's remote codec protocol: POST …/decode and …/encode with
// payloads as JSON. It asks nobody who they are; what stands in front of it does.
// Payloads for X-Namespace alone are opened or sealed when the header is there. A
// payload that cannot be opened comes back as it is, so that one does not hide the
// rest of a history.
func (c *Codec) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "payloads are sent by POST", http.StatusMethodNotAllowed)
			return
		}
		act := c.actFor(r)
		if act == nil {
			http.NotFound(w, r)
			return
		}
		c.answer(w, r, act)
	})
}

type act func([]*commonpb.Payload) ([]*commonpb.Payload, error)

func (c *Codec) actFor(r *http.Request) act {
	bound := c.inNamespace(r.Header.Get("X-Namespace"))
	switch {
	case strings.HasSuffix(r.URL.Path, "/decode"):
		return bound.openAll
	case strings.HasSuffix(r.URL.Path, "/encode"):
		return bound.Encode
	}
	return nil
}

// inNamespace is a codec for what the UI shows of a namespace: data and failures.
func (c *Codec) inNamespace(namespace string) *Codec {
	bound := *c
	bound.kind, bound.where = "", Binding{Kind: Data, Namespace: namespace}
	bound.options.RefusePlain = false // there is nothing to open
	return &bound
}

func (c *Codec) openAll(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if opened[i], err = c.open(p); err != nil {
			opened[i] = unreadable(err)
		}
	}
	return opened, nil
}

// unreadable is what is shown in place of a payload that cannot be opened.
func unreadable(err error) *commonpb.Payload {
	p, encodeErr := converter.GetDefaultDataConverter().ToPayload(map[string]string{"lazaret": err.Error()})
	if encodeErr != nil {
		return &commonpb.Payload{}
	}
	return p
}

func (c *Codec) answer(w http.ResponseWriter, r *http.Request, act act) {
	var text bytes.Buffer
	if _, err := io.Copy(&text, http.MaxBytesReader(w, r.Body, maxRequest)); err != nil {
		http.Error(w, "the request is too long, or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	var payloads commonpb.Payloads
	if err := protojson.Unmarshal(text.Bytes(), &payloads); err != nil {
		http.Error(w, "the request holds no payloads in JSON", http.StatusBadRequest)
		return
	}
	results, err := act(payloads.GetPayloads())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := protojson.Marshal(&commonpb.Payloads{Payloads: results})
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}
