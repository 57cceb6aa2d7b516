package activities

import (
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
)

// libvirtFaults are the DSL's errors by what went wrong.
var libvirtFaults = map[virt.Code]struct{ kind, title string }{
	virt.Invalid:     {contract.ValidationError, "Invalid libvirt operation"},
	virt.Denied:      {contract.AuthorizationError, "Libvirt operation denied"},
	virt.NotFound:    {contract.CommunicationError, "Not found"},
	virt.Timeout:     {contract.TimeoutError, "Timeout"},
	virt.Busy:        {contract.CommunicationError, "Busy"},
	virt.Limited:     {contract.CommunicationError, "Too many libvirt operations"},
	virt.Unreachable: {contract.CommunicationError, "Libvirt unreachable"},
	virt.Unsupported: {contract.RuntimeError, "Not supported"},
	virt.Failed:      {contract.RuntimeError, "Libvirt operation failed"},
}

// LibvirtFault is how an operation's failure looks in the DSL. A denial is a
// violation of the type InvalidPermission.
func LibvirtFault(operation string, e *virt.Error) *contract.Fault {
	f := libvirtFaults[e.Code]
	fault := &contract.Fault{Type: f.kind, Status: e.Code.Status(), Title: f.title, Detail: e.Message}
	if e.Code == virt.Denied && !e.Rejected {
		fault.Violations, fault.Code = 1, contract.CodeSecurity
	}
	if e.Code == virt.Unreachable {
		fault.Code = contract.CodeNetwork
	}
	if e.Lost {
		fault.Detail += "; whether " + operation + " took effect is not known"
	}
	return fault
}
