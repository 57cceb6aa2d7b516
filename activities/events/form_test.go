package events

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// wellFormed is an event, with members of its own in the place of MORE.
const wellFormed = `{"specversion":"1.0","id":"1","source":"/s","type":"a.b"MORE}`

// TestParse_Refuses: what is no CloudEvent is told in words of the format, whole
// and without what the payload says.
func TestParse_Refuses(t *testing.T) {
	with := func(more string) string { return strings.Replace(wellFormed, "MORE", ","+more, 1) }
	for text, want := range map[string]string{
		`[]`:   "it is an array, where an object is to be",
		`"x"`:  "it is text, where an object is to be",
		`null`: "it is null, where an object is to be",
		`{`:    "the JSON is broken at byte 1",
		``:     "the JSON is broken at byte 0",
		`{"specversion":"1.0","id":"1","source":"/s","type":"a.b"} {}`: "there is more behind the object",
		`{}`: "specversion is missing",
		`{"specversion":1,"id":"1","source":"/s","type":"a.b"}`:     "specversion must be text, not a number",
		`{"specversion":"0.3","id":"1","source":"/s","type":"a.b"}`: `specversion "0.3", only 1.0 is taken`,
		`{"specversion":"1.0","id":17,"source":"/s","type":"a.b"}`:  "id must be text, not a number",
		`{"specversion":"1.0","id":"1","source":"","type":"a.b"}`:   "source is missing, or empty",
		`{"specversion":"1.0","id":"1","source":"/s","type":null}`:  "type is missing, or empty",
		with(`"id":"2"`):                      `"id" is there twice`,
		with(`"data":1,"data":2`):             `"data" is there twice`,
		with(`"Room":"7"`):                    `"Room" cannot be the name of an attribute: it has lower-case letters and digits alone`,
		with(`"":"7"`):                        `"" cannot be the name of an attribute: it has lower-case letters and digits alone`,
		with(`"room":{"secret":1}`):           `attribute "room" must be text, a whole number or a boolean, not an object`,
		with(`"room":1.5`):                    `attribute "room" must be a whole number of 32 bits, or text`,
		with(`"room":4294967296`):             `attribute "room" must be a whole number of 32 bits, or text`,
		with(`"time":"yesterday"`):            "time must be a moment such as 2026-01-31T12:00:00Z",
		with(`"data":1,"data_base64":"aGk="`): "it has both data and data_base64, where one is the payload",
		with(`"data_base64":7`):               "data_base64 must be text, not a number",
		with(`"data_base64":"!"`):             "data_base64 is not in base64",
	} {
		_, wrong := parse([]byte(text))
		require.NotNil(t, wrong, text)
		assert.Equal(t, flaw{contract.CheckForm, "no CloudEvent: " + want}, *wrong, text)
	}
	_, wrong := parse([]byte(with(`"LazaretSender":"shop/x"`)))
	require.NotNil(t, wrong)
	assert.Equal(t, contract.CheckSender, wrong.check)
}

// TestParse_Takes: what the format lets be is taken.
func TestParse_Takes(t *testing.T) {
	for _, more := range []string{
		"", `,"room":7`, `,"flag":true`, `,"subject":null`, `,"time":"2026-01-31T12:00:00.123+01:00"`, `,"data":null`,
		`,"data":{"id":1,"Id":[1.5]}`, `,"data_base64":"aGk="`, `,"datacontenttype":"text/plain","data":"x"`,
	} {
		_, wrong := parse([]byte(strings.Replace(wellFormed, "MORE", more, 1)))
		assert.Nil(t, wrong, more)
	}
}
