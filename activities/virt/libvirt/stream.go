//go:build libvirt_dlopen && cgo

package libvirt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// stream reads and writes without blocking, so that the call's end is its end.
type stream struct {
	*libvirt.Stream
	o *operation
}

func (o *operation) stream() (*stream, error) {
	s, err := o.conn.NewStream(libvirt.STREAM_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &stream{s, o}, nil
}

// close ends the stream without caring for what is still in it.
func (s *stream) close() {
	_ = s.Abort()
	_ = s.Free()
}

const (
	wouldBlock = -2
	streamPoll = 5 * time.Millisecond
)

// pause waits a moment; it fails when the call has ended.
func (s *stream) pause() error {
	select {
	case <-s.o.ctx.Done():
		return s.o.ctx.Err()
	case <-time.After(streamPoll):
		return nil
	}
}

// errEnough ends receive early.
var errEnough = errors.New("enough")

// receive hands on what comes until the stream's end, or until keep returns errEnough.
func (s *stream) receive(keep func([]byte) error) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.Recv(buffer)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == wouldBlock:
			if err := s.pause(); err != nil {
				return err
			}
			if err := keep(nil); err != nil {
				return enough(err)
			}
		case n > 0:
			if err := keep(buffer[:n]); err != nil {
				return enough(err)
			}
		}
	}
}

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s *stream) send(data []byte) error {
	for len(data) > 0 {
		n, err := s.Send(data)
		if err != nil {
			return err
		}
		if n == wouldBlock {
			if err := s.pause(); err != nil {
				return err
			}
			continue
		}
		data = data[n:]
	}
	return nil
}

const maxPicture = 64 << 20 // bytes, before it is compressed

func screenshot(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		s, err := o.stream()
		if err != nil {
			return nil, err
		}
		defer s.close()
		kind, err := g.Screenshot(s.Stream, uint32(o.arguments.Int("screen")), 0) //nolint:gosec // bounded by its range
		if isCode(err, libvirt.ERR_OPERATION_INVALID) && strings.Contains(err.Error(), "no screens") {
			return nil, virt.Errorf(virt.Unsupported, "the guest %q has no screen; domain.define gives it one with video: vga", g.name)
		}
		if err != nil {
			return nil, err
		}
		var data []byte
		err = s.receive(func(part []byte) error {
			if data = append(data, part...); len(data) > maxPicture {
				return virt.Errorf(virt.Failed, "the screen is larger than %d bytes", maxPicture)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return picture(kind, data)
	})
}

// picture compresses what QEMU sends uncompressed.
func picture(kind string, data []byte) (virt.Picture, error) {
	if kind == "image/x-portable-pixmap" {
		img, err := pixmap(data)
		if err != nil {
			return virt.Picture{}, err
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return virt.Picture{}, err
		}
		kind, data = "image/png", b.Bytes()
	}
	if len(data) > virt.MaxData {
		return virt.Picture{}, virt.Errorf(virt.Failed, "the picture is %d bytes, over the limit of %d", len(data), virt.MaxData)
	}
	return virt.Picture{Type: oneLine(kind), Data: base64.StdEncoding.EncodeToString(data)}, nil
}

// pixmap reads a binary portable pixmap of 8 bits a channel.
func pixmap(data []byte) (image.Image, error) {
	bad := virt.Errorf(virt.Failed, "the picture of the screen cannot be read")
	fields := strings.Fields(string(data[:min(len(data), 64)]))
	if len(fields) < 4 || fields[0] != "P6" || fields[3] != "255" {
		return nil, bad
	}
	width, err1 := strconv.Atoi(fields[1])
	height, err2 := strconv.Atoi(fields[2])
	if err1 != nil || err2 != nil || width < 1 || height < 1 || width > 16384 || height > 16384 || len(data) < 3*width*height {
		return nil, bad
	}
	pixels := data[len(data)-3*width*height:]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.SetRGBA(i%width, i/width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	return img, nil
}

// consoleLog reads what comes from now on: libvirt keeps none of what came before.
func consoleLog(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		s, err := o.stream()
		if err != nil {
			return nil, err
		}
		defer s.close()
		if err := g.OpenConsole("", s.Stream, 0); err != nil {
			return nil, err
		}
		limit := time.Now().Add(time.Duration(o.arguments.Int("deadline")) * time.Second)
		most, until := int(o.arguments.Int("bytes")), o.arguments.Text("until")
		var data []byte
		err = s.receive(func(part []byte) error {
			data = append(data, part...)
			if len(data) >= most || time.Now().After(limit) || until != "" && bytes.Contains(data, []byte(until)) {
				return errEnough
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		data = data[:min(len(data), most)]
		return virt.Console{Text: printable(string(data)), Matched: until != "" && bytes.Contains(data, []byte(until))}, nil
	})
}

// printable drops what could drive a terminal; line breaks and tabs stay.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != unicode.ReplacementChar && unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, ""))
}
