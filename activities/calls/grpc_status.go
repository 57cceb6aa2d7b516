package calls

import (
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grpcStatuses are the HTTP statuses of gRPC's, as google.rpc.Code maps them.
var grpcStatuses = map[codes.Code]int{
	codes.Canceled:           499,
	codes.Unknown:            http.StatusInternalServerError,
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.DeadlineExceeded:   http.StatusGatewayTimeout,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.PermissionDenied:   http.StatusForbidden,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	codes.FailedPrecondition: http.StatusBadRequest,
	codes.Aborted:            http.StatusConflict,
	codes.OutOfRange:         http.StatusBadRequest,
	codes.Unimplemented:      http.StatusNotImplemented,
	codes.Internal:           http.StatusInternalServerError,
	codes.Unavailable:        http.StatusServiceUnavailable,
	codes.DataLoss:           http.StatusInternalServerError,
	codes.Unauthenticated:    http.StatusUnauthorized,
}

func unauthenticated(err error) bool { return status.Code(err) == codes.Unauthenticated }

// explain says what a call's error means. A status that no server gave is no
// answer.
func (c *grpcCall) explain(err error) error {
	s, answered := status.FromError(err)
	if !answered {
		return explain(c.url, err)
	}
	c.mu.Lock()
	failed := c.failed
	c.mu.Unlock()
	if s.Code() == codes.Unavailable && failed != nil {
		return explain(c.url, failed)
	}
	if s.Code() == codes.ResourceExhausted && strings.HasPrefix(s.Message(), "grpc: received message larger than max") {
		return fault(Failed, nil, "%s answers with a message of more than %d bytes, the limit; ask for less", place(c.url), MaxBody)
	}
	if s.Code() == codes.ResourceExhausted && strings.HasPrefix(s.Message(), "trying to send message larger than max") {
		return fault(Invalid, nil, "arguments make a message of more than %d bytes, the limit", MaxBody)
	}
	f := fault(Failed, nil, "%s answers with gRPC status %s", place(c.url), s.Code())
	if f.Status = grpcStatuses[s.Code()]; f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	if text := oneLine(c.redact.Text(s.Message())); text != "" {
		f.Detail += ": " + text
	}
	return f
}
