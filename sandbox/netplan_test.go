package sandbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/initproc"
)

func withNetwork(t *testing.T, mode NetworkMode, rules ...string) func(*Spec) {
	t.Helper()
	parsed, err := egress.ParseRules(rules)
	require.NoError(t, err)
	return func(s *Spec) { s.Network = Network{Mode: mode, Rules: parsed} }
}

func TestNetworkPlan_Order(t *testing.T) {
	p := planned(t, withNetwork(t, Transparent, "api.example.com"))
	inOrder(t, p.initNames, "pivot the root", "bring the loopback interface up", "add the synthetic addresses", `bind "127.0.0.1:3128"`,
		`listen on "0.0.0.0:443"`, "hand over the network's sockets", "close the network's sockets", "drop capabilities")
	inOrder(t, p.programNames, "close inherited descriptors", "grant port 443 by Landlock", "restrict by Landlock")
	assert.Contains(t, p.initNames, `create "/etc/resolv.conf"`)
}

func TestNetworkPlan_Proxied(t *testing.T) {
	p := planned(t, withNetwork(t, Proxied, "api.example.com"))
	assert.NotContains(t, p.initNames, "add the synthetic addresses")
	assert.NotContains(t, p.initNames, `create "/etc/resolv.conf"`)
	assert.Contains(t, p.programNames, "grant port 3128 by Landlock")
	assert.NotContains(t, p.programNames, "grant port 443 by Landlock")
}

func TestNetworkPlan_None(t *testing.T) {
	p := planned(t, nil)
	for _, c := range p.Init {
		assert.NotEqualValues(t, unix.SYS_SOCKET, c.Number)
	}
	for _, name := range p.programNames {
		assert.False(t, strings.HasPrefix(name, "grant port"), name)
	}
}

func TestNetworkPlan_AsManyPortsAsAllowed(t *testing.T) {
	rules := make([]string, maxPorts)
	for i := range rules {
		rules[i] = fmt.Sprintf("api.example.com:%d", 1000+i)
	}
	p := planned(t, withNetwork(t, Transparent, rules...))
	_, err := initproc.Decode(initproc.Encode(&p.Plan))
	require.NoError(t, err)
	s := Spec{}
	withNetwork(t, Transparent, append(rules, "api.example.com:999")...)(&s)
	assert.ErrorContains(t, s.Network.validate(), "33 ports, at most 32")
}

func TestEnvironment_OwnVariablesStay(t *testing.T) {
	s := Spec{Env: []string{"HTTP_PROXY=http://own", "PATH=/bin"}}
	withNetwork(t, Proxied, "api.example.com")(&s)
	env := s.environment()
	assert.Equal(t, "HTTP_PROXY=http://own", env[0])
	assert.NotContains(t, env, "HTTP_PROXY=http://127.0.0.1:3128")
	assert.Contains(t, env, "HTTPS_PROXY=http://127.0.0.1:3128")
	assert.Len(t, s.Env, 2)
}

func TestExcuse(t *testing.T) {
	high := Violation{Severity: High}
	netlink := act{call: "socket", args: [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}}
	assert.Equal(t, Low, Network{Mode: Proxied}.excuse(high, netlink).Severity)
	assert.Equal(t, High, Network{}.excuse(high, netlink).Severity, "without a network nobody has addresses to choose among")
	netlink.args[2] = unix.NETLINK_AUDIT
	assert.Equal(t, High, Network{Mode: Proxied}.excuse(high, netlink).Severity)
}

// TestService_Ends: a denial ends the run by the level's rule.
func TestService_Ends(t *testing.T) {
	for _, c := range []struct {
		spec    Spec
		kind    egress.Kind
		times   int
		outcome Outcome
	}{
		{Spec{}, egress.NotListed, 1, ""},
		{Spec{KillAt: Medium}, egress.NotListed, 1, Denied},
		{Spec{KillAt: Medium}, egress.OverLimit, 5, ""},
		{Spec{KillAt: NoKill}, egress.OtherName, 5, ""},
		{Spec{MaxViolations: 3}, egress.NotListed, 3, ""},
		{Spec{MaxViolations: 3}, egress.NotListed, 4, Denied},
	} {
		var ended Outcome
		s := &service{spec: &c.spec, refused: newLedger(&c.spec), end: func(o Outcome) { ended = o }}
		for range c.times {
			s.refuse(egress.Denial{Kind: c.kind, Target: "a:1", Reason: "because"})
		}
		assert.Equal(t, c.outcome, ended, "%+v", c)
		assert.Equal(t, "a:1: because", s.refused.list()[0].Detail)
	}
}

func FuzzDestination(f *testing.F) {
	f.Add([]byte{2, 0, 1, 187, 93, 184, 216, 34, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{10, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		a := parseAddress(b)
		if a.ip.IsValid() {
			_ = Network{Mode: Transparent}.inside(a.ip.Addr())
		}
		require.LessOrEqual(t, len(a.String()), 4*maxText+64)
	})
}
