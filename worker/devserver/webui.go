//go:build !nodevserver

package devserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/rs/zerolog"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"lazaret.dev/lazaret/worker/install"
)

// webUI serves Temporal's Web UI behind a [gate], in process: there is no second
// port on which the UI would answer without one.
type webUI struct {
	listener net.Listener
	gate     *gate
	conn     *grpc.ClientConn
	server   *http.Server
	done     chan struct{} // closed when server has returned
}

// newWebUI returns the UI that will serve on listener, which it owns.
func newWebUI(listener net.Listener) *webUI {
	return &webUI{listener: listener, gate: newGate(listener.Addr().String())}
}

func (u *webUI) address() string { return u.listener.Addr().String() }

// serve begins to serve the UI of the Temporal at address.
func (u *webUI) serve(address string, tokens *gatekeeper, o Options) error {
	handler, err := u.handler(address, o)
	if err != nil {
		return fmt.Errorf("web UI: %w", err)
	}
	u.gate.ui, u.gate.tokens, u.gate.help, u.gate.codec = handler, tokens, o.LoginHelp, o.Codec
	u.server = &http.Server{
		Handler:           u.gate,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(zerolog.NewSlogHandler(o.Logger), slog.LevelWarn),
	}
	u.done = make(chan struct{})
	go func() {
		defer close(u.done)
		if err := u.server.Serve(u.listener); !errors.Is(err, http.ErrServerClosed) {
			o.Logger.Error().Err(err).Msg("web UI ended")
		}
	}()
	return nil
}

// stop closes the listener, gives requests in flight a moment, and returns when
// nothing runs any more.
func (u *webUI) stop() error {
	if u.server == nil {
		return u.listener.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if u.server.Shutdown(ctx) != nil {
		_ = u.server.Close()
	}
	<-u.done
	return u.conn.Close()
}

// handler assembles the UI from ui-server's parts. Its own NewServer would do
// the same but keeps the handler to itself and insists on a port. Left out are
// CORS and CSRF tokens, which the gate's origin check stands for, sign-in
// routes, and the query for newer releases.
func (u *webUI) handler(address string, o Options) (http.Handler, error) {
	settings, err := config.NewConfigProviderWithRefresh(u.config(address, o))
	if err != nil {
		return nil, err
	}
	assets, err := uiAssets()
	if err != nil {
		return nil, err
	}
	if u.conn, err = dialUI(address); err != nil {
		return nil, err
	}
	e := echo.New()
	e.Logger.SetOutput(o.Logger) // standard output is for results
	e.Use(middleware.Recover(), middleware.Gzip(), middleware.Secure())
	u.addAPI(e, settings)
	route.SetRenderRoute(e, "/")
	return e, route.SetUIRoutes(e, "", assets, settings)
}

// addAPI adds the routes of Temporal's HTTP API that the UI calls.
func (u *webUI) addAPI(e *echo.Echo, settings *config.ConfigProviderWithRefresh) {
	forward := []api.Middleware{headers.WithForwardHeaders([]string{"Caller-Type"})}
	group := e.Group("/api/v1")
	group.GET("/settings", api.GetSettings(settings))
	group.GET("/ui-extensions", api.GetUIExtensions(settings, api.TemporalAccessCheck(u.conn, forward)))
	group.GET(api.WorkflowRawHistoryUrl, api.WorkflowRawHistoryHandler(workflowservice.NewWorkflowServiceClient(u.conn)))
	group.Any("/*", api.TemporalAPIHandler(settings, forward, u.conn))
}

func (u *webUI) config(address string, o Options) *config.Config {
	c := &config.Config{
		TemporalGRPCAddress: address,
		EnableUI:            true,
		DefaultNamespace:    install.Namespace,
		// Nothing here calls out of the machine.
		DisableNewsFetch:   true,
		NotifyOnNewVersion: false,
		HideLogs:           true,
	}
	if o.Codec != nil {
		c.Codec.Endpoint = u.codecURL()
	}
	return c
}

// codecURL is where the UI's pages, which have its origin, open payloads.
func (u *webUI) codecURL() string { return "http://" + u.address() + codecPath }

func uiAssets() (fs.FS, error) {
	assets, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	return fs.Sub(assets, "local")
}

// dialUI connects the UI to Temporal. Calls carry the authorization of the
// request that they serve.
func dialUI(address string) (*grpc.ClientConn, error) {
	const largestAnswer = 64 << 20 // bytes; a page of history can be big
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestAnswer)))
}
