package callstest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Greeter serves greet.Greeter of testdata/greet.proto over gRPC.
type Greeter struct {
	Address string // host:port
	// Refuses says whether an authorization is refused with UNAUTHENTICATED; nil
	// refuses none.
	Refuses func(authorization string) bool

	file   protoreflect.FileDescriptor
	server *grpc.Server
}

// StartGreeter serves on loopback, with TLS by the certificate if one is given. dir
// holds greet.proto.
func StartGreeter(dir string, certificate *tls.Certificate) (*Greeter, error) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{filepath.Clean(dir)}})}
	files, err := compiler.Compile(context.Background(), "greet.proto")
	if err != nil {
		return nil, fmt.Errorf("greeter: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("greeter: %w", err)
	}
	security := insecure.NewCredentials()
	if certificate != nil {
		security = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}})
	}
	g := &Greeter{Address: listener.Addr().String(), file: files[0]}
	g.server = grpc.NewServer(grpc.Creds(security), grpc.UnknownServiceHandler(g.handle))
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

// Stop ends the server and its calls.
func (g *Greeter) Stop() { g.server.Stop() }

func (g *Greeter) handle(_ any, stream grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(stream)
	name := full[strings.LastIndexByte(full, '/')+1:]
	method := g.file.Services().Get(0).Methods().ByName(protoreflect.Name(name))
	if method == nil || !strings.HasPrefix(full, "/greet.Greeter/") {
		return status.Errorf(codes.Unimplemented, "no method %s", full)
	}
	headers, _ := metadata.FromIncomingContext(stream.Context())
	authorization := strings.Join(headers.Get("authorization"), ",")
	if g.Refuses != nil && g.Refuses(authorization) {
		return status.Error(codes.Unauthenticated, "the token is not taken")
	}
	request := dynamicpb.NewMessage(method.Input())
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	return g.answer(stream, method, request, authorization)
}

func (g *Greeter) answer(stream grpc.ServerStream, method protoreflect.MethodDescriptor, request *dynamicpb.Message, authorization string) error {
	switch method.Name() {
	case "Count":
		for n := range get(request, "to").Int() {
			reply := dynamicpb.NewMessage(method.Output())
			set(reply, "number", protoreflect.ValueOfInt32(int32(n)+1))
			set(reply, "padding", protoreflect.ValueOfString(strings.Repeat("x", int(get(request, "size").Int()))))
			if err := stream.SendMsg(reply); err != nil {
				return err
			}
		}
		return nil
	case "Fail":
		return status.Error(codes.Code(get(request, "code").Uint()), get(request, "text").String()) //nolint:gosec // a test's
	case "Sleep":
		<-stream.Context().Done()
		return stream.Context().Err()
	case "Pack":
		return g.pack(stream, method, request)
	}
	reply := dynamicpb.NewMessage(method.Output())
	set(reply, "message", protoreflect.ValueOfString("Hello "+get(request, "name").String()))
	set(reply, "authorization", protoreflect.ValueOfString(authorization))
	return stream.SendMsg(reply)
}

// pack answers with an Any that holds the request.
func (g *Greeter) pack(stream grpc.ServerStream, method protoreflect.MethodDescriptor, request *dynamicpb.Message) error {
	content, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	reply := dynamicpb.NewMessage(method.Output())
	inner := reply.Mutable(reply.Descriptor().Fields().ByName("content")).Message()
	fields := inner.Descriptor().Fields()
	inner.Set(fields.ByName("type_url"), protoreflect.ValueOfString("type.googleapis.com/"+string(request.Descriptor().FullName())))
	inner.Set(fields.ByName("value"), protoreflect.ValueOfBytes(content))
	return stream.SendMsg(reply)
}

func get(m *dynamicpb.Message, field protoreflect.Name) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(field))
}

func set(m *dynamicpb.Message, field protoreflect.Name, value protoreflect.Value) {
	m.Set(m.Descriptor().Fields().ByName(field), value)
}
