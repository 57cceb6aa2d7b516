package contract

// Every request that a task makes says for whom it is: the activities of a held
// definition are refused.

// TaskOf says for whom the activity is.
func (c Call) TaskOf() TaskID { return c.Task }

// TaskOf says for whom the activity is.
func (l Libvirt) TaskOf() TaskID { return l.Task }

// TaskOf says for whom the activity is.
func (r EmitRequest) TaskOf() TaskID { return r.Task }

// TaskOf says for whom the activity is.
func (r SubscribeRequest) TaskOf() TaskID { return r.Task }

// TaskOf says for whom the activity is.
func (r ReceiveRequest) TaskOf() TaskID { return r.Task }

// TaskOf says for whom the activity is.
func (f ScriptFetch) TaskOf() TaskID { return f.Task }

// TaskOf says for whom the activity is.
func (r PackageRequest) TaskOf() TaskID { return r.Task }

// TaskOf says for whom the activity is.
func (f FunctionFetch) TaskOf() TaskID { return f.Task }
