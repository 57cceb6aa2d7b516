package calls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

const (
	// mqttSession is how long a broker keeps what comes between two activities, in
	// seconds.
	mqttSession = 3600
	// mqttAhead is how many messages a broker may send before one is acknowledged.
	mqttAhead = 2*maxTaken + 10
	// mqttKeepAlive is how often a connection shows that it lives, in seconds.
	mqttKeepAlive = 30
)

// mqtt is a connection to a broker of MQTT 5.
type mqtt struct {
	*paho.Client
	peer *asyncPeer

	mu     sync.Mutex
	failed error
	broken chan struct{} // closed once failed is set
}

// mqtt connects. Messages that come are given to take, in their order.
func (p *asyncPeer) mqtt(ctx context.Context, id string, take func(*mqtt, *paho.Publish)) (*mqtt, error) {
	l, err := p.login(ctx)
	if err != nil {
		return nil, err
	}
	if l.token != "" {
		return nil, fault(Invalid, nil, "MQTT has no place for a token; use basic authentication")
	}
	connection, err := p.dial(ctx, "tcp", authority(p.url))
	if err == nil && p.secure {
		connection, err = p.secured(ctx, connection, authority(p.url))
	}
	if err != nil {
		return nil, explain(p.url, err)
	}
	m := &mqtt{peer: p, broken: make(chan struct{})}
	// Packets must not run into each other: unlike a TCP connection, ours is written
	// to piece by piece.
	framed := packets.NewThreadSafeConn(&framedConn{Conn: connection, limit: MaxBody + maxHeaders})
	m.Client = paho.NewClient(paho.ClientConfig{
		ClientID: id, Conn: framed, EnableManualAcknowledgment: true,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(received paho.PublishReceived) (bool, error) {
			if take != nil {
				take(m, received.Packet)
			}
			return true, nil
		}},
		OnClientError:      m.fail,
		OnServerDisconnect: func(d *paho.Disconnect) { m.fail(fmt.Errorf("it disconnects with reason %#x", d.ReasonCode)) },
	})
	connect := &paho.Connect{ClientID: id, CleanStart: take == nil, KeepAlive: mqttKeepAlive, Properties: &paho.ConnectProperties{
		MaximumPacketSize: new(uint32(MaxBody + maxHeaders)), ReceiveMaximum: new(uint16(mqttAhead)),
	}}
	if take != nil {
		connect.Properties.SessionExpiryInterval = new(uint32(mqttSession))
	}
	if l.user != "" {
		connect.UsernameFlag, connect.Username = true, l.user
		connect.PasswordFlag, connect.Password = true, []byte(l.password)
	}
	answer, err := m.Connect(ctx, connect)
	if err != nil {
		_ = connection.Close()
		if answer != nil && (answer.ReasonCode == 0x86 || answer.ReasonCode == 0x87) {
			return nil, fault(Unauthenticated, nil, "%s does not take the credentials (reason %#x)", place(p.url), answer.ReasonCode)
		}
		return nil, m.explain(err)
	}
	return m, nil
}

func (m *mqtt) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed == nil {
		m.failed = err
		close(m.broken)
	}
}

func (m *mqtt) explain(err error) error {
	m.mu.Lock()
	failed := m.failed
	m.mu.Unlock()
	if failed != nil {
		err = failed
	}
	return fault(Failed, nil, "%s does not do as it should: %s", place(m.peer.url), oneLine(m.peer.redact.Text(err.Error())))
}

// leave ends the connection.
func (m *mqtt) leave() {
	_ = m.Disconnect(&paho.Disconnect{})
	<-m.Done()
}

func (p *asyncPeer) publishMQTT(ctx context.Context, message outbound) error {
	m, err := p.mqtt(ctx, "lazaret-"+nonce(), nil)
	if err != nil {
		return err
	}
	defer m.leave()
	publish := &paho.Publish{Topic: p.address, QoS: p.quality(), Payload: message.content, Properties: &paho.PublishProperties{ContentType: message.contentType}}
	publish.Retain, _ = p.binding("retain").(bool)
	for _, h := range message.headers {
		publish.Properties.User.Add(h.name, h.text)
	}
	answer, err := m.Publish(ctx, publish)
	if answer != nil && answer.ReasonCode == 0x87 {
		return fault(Unauthenticated, nil, "%s does not permit the topic %s", place(p.url), quoted(p.address))
	}
	if err != nil {
		return m.explain(err)
	}
	return nil
}

// quality is the bindings' qos; at least once unless they say otherwise.
func (p *asyncPeer) quality() byte {
	switch fmt.Sprint(p.binding("qos")) {
	case "0":
		return 0
	case "2":
		return 2
	}
	return 1
}

// mqttDelivery is a message that came, with the name under which the broker
// delivers it again until it is acknowledged.
type mqttDelivery struct {
	publish *paho.Publish
	name    string
}

// takeMQTT takes messages of a session that the broker keeps. What it takes it
// does not acknowledge: the position names it, and the next activity, which has it
// from a history, does. So a message is lost by no worker that is.
func (c *collector) takeMQTT(ctx context.Context) error {
	recorded := map[string]bool{}
	before, _ := c.position.(map[string]any)
	for name := range before {
		recorded[name] = true
	}
	position := map[string]any{}
	c.position = position
	deliveries := make(chan mqttDelivery)
	ended, end := context.WithCancel(ctx)
	defer end()
	var mu sync.Mutex
	m, err := c.mqtt(ctx, mqttClient(c.session), func(m *mqtt, publish *paho.Publish) {
		d := mqttDelivery{publish, deliveryName(publish)}
		if publish.QoS > 0 && recorded[d.name] {
			mu.Lock()
			position[d.name] = true // until the broker has heard of it
			mu.Unlock()
			_ = m.Ack(publish)
			return
		}
		select {
		case deliveries <- d:
		case <-ended.Done():
		}
	})
	if err != nil {
		return err
	}
	defer m.leave()
	defer end() // before leave, which waits for what is being delivered
	subscribe := &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: c.address, QoS: min(c.quality(), 1), RetainHandling: 1}}}
	if answer, err := m.Subscribe(ctx, subscribe); err != nil {
		if answer != nil && len(answer.Reasons) > 0 && answer.Reasons[0] == 0x87 {
			return fault(Unauthenticated, nil, "%s does not permit the topic %s", place(c.url), quoted(c.address))
		}
		return m.explain(err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.broken:
			return m.explain(errors.New("the connection ended"))
		case d := <-deliveries:
			full, err := c.add(mqttMessage(d.publish))
			if err != nil {
				return err
			}
			if d.publish.QoS > 0 {
				mu.Lock()
				position[d.name] = true
				mu.Unlock()
			}
			if full || len(position) >= 2*maxTaken {
				return nil
			}
		}
	}
}

func mqttMessage(publish *paho.Publish) inbound {
	m := inbound{content: publish.Payload, headers: map[string]any{}}
	if publish.Properties != nil {
		for _, property := range publish.Properties.User {
			m.headers[property.Key] = property.Value
		}
		m.correlation = string(publish.Properties.CorrelationData)
	}
	return m
}

// deliveryName tells a message that is delivered again from another that has its
// packet's id.
func deliveryName(publish *paho.Publish) string {
	sum := sha256.Sum256(append([]byte(publish.Topic+"\x00"), publish.Payload...))
	return strconv.Itoa(int(publish.PacketID)) + "-" + hex.EncodeToString(sum[:8])
}

// mqttClient is the client's id, of the length that every broker takes.
func mqttClient(session string) string {
	sum := sha256.Sum256([]byte(session))
	return "lz" + hex.EncodeToString(sum[:10])
}

// framedConn ends a connection on which a packet comes that is longer than the
// limit: the client would first make room for all of it.
type framedConn struct {
	net.Conn
	limit int

	left   int // bytes of the packet that is being read
	length int
	shift  int // of the next byte of the length; 0 with header false: none yet
	header bool
}

var errLongPacket = errors.New("a packet is too long")

func (f *framedConn) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	for i := 0; i < n; {
		switch {
		case f.left > 0:
			skip := min(f.left, n-i)
			f.left, i = f.left-skip, i+skip
		case !f.header:
			f.header, f.length, f.shift, i = true, 0, 0, i+1
		default:
			f.length |= int(p[i]&0x7f) << f.shift
			f.shift += 7
			if f.length > f.limit || f.shift > 28 {
				return 0, errLongPacket
			}
			if p[i]&0x80 == 0 {
				f.left, f.header = f.length, false
			}
			i++
		}
	}
	return n, err
}
