//go:build libvirt_dlopen && cgo

package libvirt

import (
	"context"
	"errors"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// codes says what each of libvirt's errors is to us; any other has failed.
var codes = map[libvirt.ErrorNumber]virt.Code{
	libvirt.ERR_NO_DOMAIN: virt.NotFound, libvirt.ERR_NO_NETWORK: virt.NotFound, libvirt.ERR_NO_STORAGE_POOL: virt.NotFound,
	libvirt.ERR_NO_STORAGE_VOL: virt.NotFound, libvirt.ERR_NO_DOMAIN_SNAPSHOT: virt.NotFound, libvirt.ERR_DEVICE_MISSING: virt.NotFound,

	libvirt.ERR_OPERATION_DENIED: virt.Denied, libvirt.ERR_ACCESS_DENIED: virt.Denied, libvirt.ERR_AUTH_FAILED: virt.Denied,
	libvirt.ERR_AUTH_CANCELLED: virt.Denied, libvirt.ERR_AUTH_UNAVAILABLE: virt.Denied,

	libvirt.ERR_OPERATION_INVALID: virt.Busy, libvirt.ERR_RESOURCE_BUSY: virt.Busy, libvirt.ERR_DOM_EXIST: virt.Busy,
	libvirt.ERR_NETWORK_EXIST: virt.Busy, libvirt.ERR_STORAGE_VOL_EXIST: virt.Busy, libvirt.ERR_BLOCK_COPY_ACTIVE: virt.Busy,
	libvirt.ERR_SNAPSHOT_REVERT_RISKY: virt.Busy,

	libvirt.ERR_OPERATION_TIMEOUT: virt.Timeout, libvirt.ERR_AGENT_COMMAND_TIMEOUT: virt.Timeout,
	libvirt.ERR_AGENT_UNRESPONSIVE: virt.Unreachable,

	libvirt.ERR_NO_SUPPORT: virt.Unsupported, libvirt.ERR_ARGUMENT_UNSUPPORTED: virt.Unsupported,
	libvirt.ERR_OPERATION_UNSUPPORTED: virt.Unsupported, libvirt.ERR_CONFIG_UNSUPPORTED: virt.Unsupported,

	libvirt.ERR_INVALID_ARG: virt.Invalid, libvirt.ERR_XML_ERROR: virt.Invalid, libvirt.ERR_XML_DETAIL: virt.Invalid,
	libvirt.ERR_XML_INVALID_SCHEMA: virt.Invalid, libvirt.ERR_INVALID_MAC: virt.Invalid,

	libvirt.ERR_NO_CONNECT: virt.Unreachable, libvirt.ERR_INVALID_CONN: virt.Unreachable, libvirt.ERR_RPC: virt.Unreachable,
	libvirt.ERR_UNKNOWN_HOST: virt.Unreachable, libvirt.ERR_SSH: virt.Unreachable, libvirt.ERR_LIBSSH: virt.Unreachable,
	libvirt.ERR_GNUTLS_ERROR: virt.Unreachable,
}

// asError is an error as the broker knows it.
func asError(err error) *virt.Error {
	if own, ok := errors.AsType[*virt.Error](err); ok {
		return own
	}
	var theirs libvirt.Error
	if !errors.As(err, &theirs) {
		if errors.Is(err, context.Canceled) {
			return virt.Errorf(virt.Failed, "it was cancelled")
		}
		return virt.AsError(err)
	}
	code, ok := codes[theirs.Code]
	switch {
	case !ok:
		code = virt.Failed
	case theirs.Code == libvirt.ERR_INVALID_ARG && strings.Contains(theirs.Message, "read only"):
		code = virt.Denied
	}
	// The connection broke under a call: what it did is not known.
	broken := theirs.Domain == libvirt.FROM_RPC && theirs.Code != libvirt.ERR_NO_SUPPORT || theirs.Code == libvirt.ERR_RPC
	if broken {
		code = virt.Unreachable
	}
	return &virt.Error{Code: code, Message: oneLine(theirs.Message), Lost: broken}
}

// connectionError is why there is no connection; whatever it is, nothing was done.
func connectionError(uri string, err error) *virt.Error {
	e := asError(err)
	switch {
	case strings.Contains(e.Message, "libvirt.so"):
		return virt.Errorf(virt.Unreachable, "libvirt is not installed on this worker: %s; install libvirt0 (Debian) or libvirt-libs (Fedora)", e.Message)
	case e.Code == virt.Denied:
		return virt.Errorf(virt.Denied, "%s refuses this worker: %s", uri, e.Message)
	case strings.Contains(e.Message, "Permission denied") && virt.Transport(uri) == virt.SecureSSH:
		return virt.Errorf(virt.Denied, "%s refuses this worker: %s; ssh wants a key without a passphrase in ~/.ssh, or an agent", uri, e.Message)
	case strings.Contains(e.Message, "HOST IDENTIFICATION HAS CHANGED"):
		return virt.Errorf(virt.Unreachable, "%s has another host key than ~/.ssh/known_hosts or /etc/ssh/ssh_known_hosts says: find out why before you change it there", uri)
	case strings.Contains(e.Message, "Host key verification failed"):
		return virt.Errorf(virt.Unreachable, "%s is not known: %s; put its key into ~/.ssh/known_hosts or /etc/ssh/ssh_known_hosts", uri, e.Message)
	case strings.Contains(e.Message, "Permission denied"):
		return virt.Errorf(virt.Denied, "%s refuses this worker: %s; its user must be in the group libvirt", uri, e.Message)
	}
	remedy := ""
	if virt.Transport(uri) == virt.SecureTLS && strings.Contains(e.Message, "TLS confirmation") {
		// So it is told of a client that the host refuses.
		remedy = "; the host ended it, which may want a client certificate of its authority (/etc/pki/libvirt/clientcert.pem, or ~/.pki/libvirt for another user than root)"
	}
	return virt.Errorf(virt.Unreachable, "%s cannot be reached: %s%s", uri, e.Message, remedy)
}

// oneLine bounds a message that may quote a guest's or a daemon's words.
func oneLine(text string) string {
	text = printable(strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " "))
	if len(text) > 600 {
		text = strings.ToValidUTF8(text[:600], "") + "…"
	}
	return text
}

// isCode says whether libvirt said just that.
func isCode(err error, code libvirt.ErrorNumber) bool {
	var theirs libvirt.Error
	return errors.As(err, &theirs) && theirs.Code == code
}
