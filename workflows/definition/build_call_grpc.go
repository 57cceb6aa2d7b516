package definition

// grpc takes the arguments of a method's call.
func (a *arguments) grpc(with cursor) {
	a.resource("proto", with.get("proto"))
	service := with.get("service")
	for _, part := range []struct{ name, property string }{{"service", "name"}, {"host", "host"}, {"port", "port"}} {
		a.value(part.name, service.get(part.property))
	}
	if port := service.get("port"); port.is(numberNode) && port.number() == 0 {
		a.report(port, "call.port", "port 0 is none that a service can be reached at")
	}
	a.tokenAuthentication("gRPC", service.get("authentication"))
	a.values(with, "method", "arguments")
}

// tokenAuthentication takes the authentication of a protocol that carries
// credentials, but has no challenge for digest to answer.
func (a *arguments) tokenAuthentication(protocol string, cur cursor) {
	policy := cur
	if name := cur.get("use"); name.is(stringNode) {
		policy = a.use.get("authentications").get(name.str())
	}
	if digest := policy.get("digest"); digest.exists() {
		a.reportHint(cur, "call.authentication", "use basic, bearer, oauth2 or oidc", "digest authentication is HTTP's: %s has no challenge to answer", protocol)
	}
	a.authentication("authentication", cur)
}
