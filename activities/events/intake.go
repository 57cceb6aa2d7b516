package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"lazaret.dev/lazaret/activities/contract"
)

// intake is the events of one HTTP request, each a text that is to be judged:
// it may be no event at all.
type intake struct {
	texts []json.RawMessage
	batch bool
}

// readEvents takes the events out of a request's headers and body, in any of the
// modes of the CloudEvents HTTP binding: structured, binary, batch. The flaw is
// of the request as a whole.
func readEvents(ctx context.Context, header http.Header, body []byte) (intake, *flaw) {
	contentType := header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		return intake{}, &flaw{contract.CheckForm, fmt.Sprintf("Content-Type %.100q is no media type", contentType)}
	}
	switch mediaType {
	case event.ApplicationCloudEventsJSON:
		return intake{texts: []json.RawMessage{body}}, nil
	case event.ApplicationCloudEventsBatchJSON:
		return readBatch(body)
	}
	if header.Get("Ce-Specversion") == "" {
		return intake{}, &flaw{contract.CheckForm, fmt.Sprintf(
			"no CloudEvent: neither headers ce-specversion, ce-id, ce-source and ce-type, nor Content-Type %s or %s",
			event.ApplicationCloudEventsJSON, event.ApplicationCloudEventsBatchJSON)}
	}
	text, wrong := readBinary(ctx, header, body)
	return intake{texts: []json.RawMessage{text}}, wrong
}

func readBatch(body []byte) (intake, *flaw) {
	r := intake{batch: true}
	if err := json.Unmarshal(body, &r.texts); err != nil {
		wrong := oneLine(err)
		if json.Valid(body) {
			wrong = "a batch is an array of events"
		}
		return r, &flaw{contract.CheckForm, "no batch of CloudEvents: " + wrong}
	}
	if len(r.texts) > maxBatch {
		return r, &flaw{contract.CheckSize, fmt.Sprintf("%d events in a batch, over the limit of %d", len(r.texts), maxBatch)}
	}
	return r, nil
}

// readBinary makes the JSON format of an event whose attributes are headers.
func readBinary(ctx context.Context, header http.Header, body []byte) (json.RawMessage, *flaw) {
	if wrong := checkHeaders(header); wrong != nil {
		return nil, wrong
	}
	message := cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(body)))
	e, err := binding.ToEvent(ctx, message)
	if err != nil {
		return nil, noEvent("%s", oneLine(err))
	}
	e.DataBase64 = !isText(e, body)
	text, err := json.Marshal(e)
	if err != nil {
		return nil, noEvent("%s", oneLine(err))
	}
	return text, nil
}

// checkHeaders refuses headers that are no attributes of one event.
func checkHeaders(header http.Header) *flaw {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		attribute, is := strings.CutPrefix(name, "Ce-")
		if !is {
			continue
		}
		if attribute == "" {
			return &flaw{contract.CheckForm, "a header is named ce- and no attribute: write ce-NAME"}
		}
		if values := header[name]; len(values) != 1 || !utf8.ValidString(values[0]) {
			return &flaw{contract.CheckForm, fmt.Sprintf("header %.100q must be there once, in UTF-8", name)}
		}
		if wrong := checkMember(strings.ToLower(attribute), nil); wrong != nil {
			return wrong
		}
	}
	return checkVersion(header.Get("Ce-Specversion"))
}

// isText tells whether the payload can stand in JSON as it is.
func isText(e *event.Event, body []byte) bool {
	if mediaType, _, _ := mime.ParseMediaType(e.DataContentType()); mediaType == event.ApplicationJSON || mediaType == event.TextJSON || mediaType == "" {
		return true // what is no JSON fails to be marshalled
	}
	return utf8.Valid(body)
}
