package calls

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// kafka is a connection to a cluster, whose brokers are all dialled as calls are:
// those that the cluster names, too, must be permitted.
type kafka struct {
	*kgo.Client
	peer *asyncPeer

	mu     sync.Mutex
	failed error
}

const (
	kafkaTries    = 2
	kafkaPatience = 20 * time.Second // with brokers that do not answer
)

func (p *asyncPeer) kafka(ctx context.Context, more ...kgo.Opt) (*kafka, error) {
	mechanism, err := p.mechanism(ctx)
	if err != nil {
		return nil, err
	}
	k := &kafka{peer: p}
	options := append([]kgo.Opt{
		kgo.SeedBrokers(authority(p.url)),
		kgo.ClientID("lazaret"),
		kgo.Dialer(k.dial),
		kgo.DisableClientMetrics(),
		kgo.RequestRetries(kafkaTries),
		kgo.RetryTimeout(kafkaPatience),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.BrokerMaxReadBytes(8 * MaxBody),
		kgo.FetchMaxBytes(2 * MaxBody),
		kgo.FetchMaxPartitionBytes(MaxBody),
		kgo.MaxDecompressBatchBytes(8 * MaxBody),
		kgo.RecordRetries(kafkaTries),
		kgo.ProducerBatchMaxBytes(MaxBody + 64<<10),
		kgo.RecordDeliveryTimeout(kafkaPatience),
		kgo.RequiredAcks(kgo.AllISRAcks()),
	}, more...)
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	if k.Client, err = kgo.NewClient(options...); err != nil {
		return nil, fault(Invalid, err, "%s", place(p.url))
	}
	return k, nil
}

func (p *asyncPeer) mechanism(ctx context.Context) (sasl.Mechanism, error) {
	l, err := p.login(ctx)
	switch {
	case err != nil:
		return nil, err
	case l.user != "":
		return plain.Auth{User: l.user, Pass: l.password}.AsMechanism(), nil
	case l.token != "":
		return oauth.Auth{Token: l.token}.AsMechanism(), nil
	}
	return nil, nil
}

func (k *kafka) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	var connection net.Conn
	err := k.peer.confidentially(hostPort) // the cluster names its brokers itself
	if err == nil {
		connection, err = k.peer.dial(ctx, network, hostPort)
	}
	if err == nil && k.peer.secure {
		connection, err = k.peer.secured(ctx, connection, hostPort)
	}
	if err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.failed = err
	}
	return connection, err
}

// secured is a connection with TLS to a host that shows who it is.
func (c *Client) secured(ctx context.Context, connection net.Conn, hostPort string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	secure := tls.Client(connection, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.options.Roots, ServerName: host})
	limited, cancel := context.WithTimeout(ctx, kafkaPatience)
	defer cancel()
	if err := secure.HandshakeContext(limited); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return secure, nil
}

// explain says what an error means: what was wrong with a connection, or the
// cluster's own word.
func (k *kafka) explain(err error) error {
	k.mu.Lock()
	failed := k.failed
	k.mu.Unlock()
	if answer, ok := errors.AsType[*kerr.Error](err); ok && failed == nil {
		kind := Failed
		if answer.Code == kerr.SaslAuthenticationFailed.Code || answer.Code == kerr.TopicAuthorizationFailed.Code {
			kind = Unauthenticated
		}
		return fault(kind, nil, "%s answers %s: %s", place(k.peer.url), answer.Message, answer.Description)
	}
	if failed != nil {
		return explain(k.peer.url, failed)
	}
	return explain(k.peer.url, err)
}

func (p *asyncPeer) publishKafka(ctx context.Context, message outbound) error {
	k, err := p.kafka(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	record := &kgo.Record{Topic: p.topic(), Value: message.content}
	for _, h := range message.headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.name, Value: []byte(h.text)})
	}
	if err := k.ProduceSync(ctx, record).FirstErr(); err != nil {
		return k.explain(err)
	}
	return nil
}

// topic is what the bindings name, or the channel's address.
func (p *asyncPeer) topic() string {
	if topic, ok := p.binding("topic").(string); ok && topic != "" {
		return topic
	}
	return p.address
}

// takeKafka reads on from the position, which has an offset for each partition. The
// first time it only says where the topic ends: once that is recorded, nothing that
// comes after is missed.
func (c *collector) takeKafka(ctx context.Context) error {
	offsets, err := kafkaOffsets(c.position)
	if err != nil {
		return err
	}
	if offsets == nil {
		offsets, err = c.kafkaEnds(ctx)
		c.position = kafkaPosition(offsets)
		return err
	}
	c.position = kafkaPosition(offsets)
	begin := map[int32]kgo.Offset{}
	for partition, offset := range offsets {
		begin[partition] = kgo.NewOffset().At(offset)
	}
	k, err := c.kafka(ctx, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic(): begin}))
	if err != nil {
		return err
	}
	defer k.Close()
	for {
		fetches := k.PollRecords(ctx, c.amount)
		if ctx.Err() != nil {
			return nil
		}
		if broken := fetches.Errors(); len(broken) > 0 {
			return k.explain(broken[0].Err)
		}
		for records := fetches.RecordIter(); !records.Done(); {
			record := records.Next()
			full, err := c.add(kafkaMessage(record))
			if err != nil {
				return err
			}
			offsets[record.Partition] = record.Offset + 1
			c.position = kafkaPosition(offsets)
			if full {
				return nil
			}
		}
	}
}

func kafkaMessage(record *kgo.Record) inbound {
	m := inbound{content: record.Value, headers: map[string]any{}}
	for _, h := range record.Headers {
		m.headers[h.Key] = string(h.Value)
	}
	return m
}

func kafkaPosition(offsets map[int32]int64) map[string]any {
	position := map[string]any{}
	for partition, offset := range offsets {
		position[strconv.Itoa(int(partition))] = int(offset)
	}
	return position
}

func kafkaOffsets(position any) (map[int32]int64, error) {
	given, ok := position.(map[string]any)
	if !ok {
		return nil, nil
	}
	offsets := map[int32]int64{}
	for name := range given {
		partition, err := strconv.ParseInt(name, 10, 32)
		if err != nil {
			return nil, fault(Invalid, nil, "position")
		}
		offset, err := Arguments(given).whole(name, 0)
		if err != nil {
			return nil, err
		}
		offsets[int32(partition)] = int64(offset)
	}
	return offsets, nil
}

// kafkaEnds are the offsets behind the last record of each partition.
func (c *collector) kafkaEnds(ctx context.Context) (map[int32]int64, error) {
	k, err := c.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	topic := c.topic()
	ask := kmsg.NewPtrMetadataRequest()
	ask.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	known, err := ask.RequestWith(ctx, k.Client)
	if err != nil {
		return nil, k.explain(err)
	}
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID = -1
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = topic
	for _, t := range known.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, k.explain(err)
		}
		for _, p := range t.Partitions {
			one := kmsg.NewListOffsetsRequestTopicPartition()
			one.Partition, one.Timestamp = p.Partition, -1
			of.Partitions = append(of.Partitions, one)
		}
	}
	list.Topics = []kmsg.ListOffsetsRequestTopic{of}
	ends, err := list.RequestWith(ctx, k.Client)
	if err != nil {
		return nil, k.explain(err)
	}
	offsets := map[int32]int64{}
	for _, t := range ends.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, k.explain(err)
			}
			offsets[p.Partition] = p.Offset
		}
	}
	return offsets, nil
}
