package calls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"lazaret.dev/lazaret/activities/secrets"
)

// maxMessages bounds how many messages a stream answers with.
const maxMessages = 10_000

// GRPC calls one method of a service, as a proto describes it. Its arguments are
// those of contract.Call; the rest is as of HTTP. The answer of a method that
// streams is an array.
func (c *Client) GRPC(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		call, err := s.grpcCall(ctx, arguments)
		if err != nil {
			return Result{}, err
		}
		return call.make(ctx)
	})
}

// grpcCall is one call of a method.
type grpcCall struct {
	*session
	url       *url.URL // of the method; https, or http where there is no TLS
	schema    *protoSchema
	method    protoreflect.MethodDescriptor
	message   proto.Message
	authorize authorizer

	mu     sync.Mutex
	failed error // why the last connection was not made
}

func (s *session) grpcCall(ctx context.Context, a Arguments) (*grpcCall, error) {
	c := &grpcCall{session: s}
	err := c.to(a)
	if err != nil {
		return nil, err
	}
	service, err := a.text("service", true)
	if err != nil {
		return nil, err
	}
	method, err := a.text("method", true)
	if err != nil {
		return nil, err
	}
	values, err := a.object("arguments")
	if err != nil {
		return nil, err
	}
	policy, err := a.object("authentication")
	if err != nil {
		return nil, err
	}
	if err := c.credentials(policy); err != nil {
		return nil, err
	}
	if c.schema, err = s.protoSchema(ctx, a); err != nil {
		return nil, err
	}
	if c.method, err = c.schema.method(service, method); err != nil {
		return nil, err
	}
	c.url.Path = "/" + string(c.method.Parent().FullName()) + "/" + string(c.method.Name())
	c.message, err = c.schema.encode(c.method.Input(), values)
	return c, err
}

// to is where the service is. The operator says which are without TLS.
func (c *grpcCall) to(a Arguments) error {
	host, err := a.text("host", true)
	if err != nil {
		return err
	}
	port, err := a.port("port", 443)
	if err != nil {
		return err
	}
	hostPort := net.JoinHostPort(host, strconv.Itoa(port))
	if c.url, err = c.target("https://" + hostPort); err != nil {
		return err
	}
	if c.url.Host != hostPort {
		return fault(Invalid, nil, "host %s is none", quoted(host))
	}
	if c.plaintext(hostPort) {
		c.url.Scheme = "http"
	}
	return nil
}

func (c *grpcCall) credentials(policy map[string]any) (err error) {
	if policy["digest"] != nil {
		return fault(Invalid, nil, "digest authentication is HTTP's: gRPC has no challenge to answer")
	}
	if c.secret || policy != nil {
		if err := c.confidential(c.url); err != nil {
			return err
		}
	}
	c.authorize, err = c.authorizer(policy)
	return err
}

// make calls, twice where an old token is refused.
func (c *grpcCall) make(ctx context.Context) (Result, error) {
	result := Result{Host: authority(c.url), Method: string(c.method.FullName())}
	connection, err := c.connect()
	if err != nil {
		return result, fault(Failed, err, "%s is not reached", place(c.url))
	}
	defer func() { _ = connection.Close() }()
	for attempt := 0; ; attempt++ {
		outgoing, err := c.outgoing(ctx)
		if err != nil {
			return result, err
		}
		result.Output, err = c.exchange(outgoing, connection)
		if err == nil {
			result.Status = http.StatusOK
			return result, nil
		}
		if attempt == 0 && unauthenticated(err) && c.authorize.again(&http.Response{}) {
			continue
		}
		if deadline, ok := ctx.Deadline(); ok && status.Code(err) == codes.DeadlineExceeded && time.Until(deadline) < time.Second {
			<-ctx.Done() // the service, which is told of it, was first
		}
		err = c.explain(err)
		if f, ok := errors.AsType[*Fault](err); ok {
			result.Status = f.Status
		}
		return result, err
	}
}

// outgoing puts the credentials into the call's metadata.
func (c *grpcCall) outgoing(ctx context.Context) (context.Context, error) {
	carrier := &http.Request{Method: http.MethodPost, URL: c.url, Header: http.Header{}}
	if err := c.authorize.authorize(ctx, carrier); err != nil {
		return nil, err
	}
	if credentials := carrier.Header.Get("Authorization"); credentials != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", credentials)
	}
	return ctx, nil
}

// connect prepares the connection, which the first call makes. It goes through
// the client's own dialer, past every proxy and service configuration.
func (c *grpcCall) connect() (*grpc.ClientConn, error) {
	security := insecure.NewCredentials()
	if c.url.Scheme == "https" {
		security = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.options.Roots, ServerName: c.url.Hostname()})
	}
	return grpc.NewClient("passthrough:///"+authority(c.url),
		grpc.WithTransportCredentials(&watchedCredentials{security, c}),
		grpc.WithContextDialer(func(ctx context.Context, hostPort string) (net.Conn, error) {
			connection, err := c.dial(ctx, "tcp", hostPort)
			c.notice(err)
			return connection, err
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithUserAgent("lazaret"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxBody), grpc.MaxCallSendMsgSize(MaxBody)),
	)
}

// notice keeps why no connection was made, which a status does not tell.
func (c *grpcCall) notice(err error) {
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed = err
	}
}

// watchedCredentials tell the call what was wrong with a handshake.
type watchedCredentials struct {
	credentials.TransportCredentials
	call *grpcCall
}

func (w *watchedCredentials) ClientHandshake(ctx context.Context, authority string, connection net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, connection)
	w.call.notice(err)
	return secured, info, err
}

func (w *watchedCredentials) Clone() credentials.TransportCredentials {
	return &watchedCredentials{w.TransportCredentials.Clone(), w.call}
}

// exchange sends the message and takes what comes back.
func (c *grpcCall) exchange(ctx context.Context, connection *grpc.ClientConn) (any, error) {
	streams := c.method.IsStreamingServer()
	if !streams && !c.method.IsStreamingClient() {
		answer := dynamicpb.NewMessage(c.method.Output())
		if err := connection.Invoke(ctx, c.url.Path, c.message, answer); err != nil {
			return nil, err
		}
		room := maxShown
		return c.schema.decode(c.redact, answer, &room)
	}
	ctx, cancel := context.WithCancel(ctx) // ends a stream that is given up
	defer cancel()
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: streams, ClientStreams: c.method.IsStreamingClient()}, c.url.Path)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(c.message); err != nil && !errors.Is(err, io.EOF) { // EOF: RecvMsg has the reason
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if !streams {
		answer := dynamicpb.NewMessage(c.method.Output())
		if err := stream.RecvMsg(answer); err != nil {
			return nil, err
		}
		room := maxShown
		return c.schema.decode(c.redact, answer, &room)
	}
	return c.collect(stream)
}

// collect takes all that a method streams, within the bounds of one answer.
func (c *grpcCall) collect(stream grpc.ClientStream) (any, error) {
	answers, left, room := []any{}, MaxBody, maxShown
	for {
		answer := dynamicpb.NewMessage(c.method.Output())
		switch err := stream.RecvMsg(answer); {
		case errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return nil, err
		}
		left -= proto.Size(answer) + 1
		if left < 0 || len(answers) == maxMessages {
			return nil, fault(Failed, nil, "%s streams more than %d bytes or %d messages, the limit; ask for less", place(c.url), MaxBody, maxMessages)
		}
		value, err := c.schema.decode(c.redact, answer, &room)
		if err != nil {
			return nil, err
		}
		answers = append(answers, value)
	}
}
