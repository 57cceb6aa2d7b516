package contract

import "time"

// Workflow types of what is published. An index, one per namespace and name,
// says which versions there are; each version is a workflow of its own that
// holds the document and never changes, so that an index stays small.
const (
	DefinitionIndex   = "lazaret.definition"
	DefinitionVersion = "lazaret.definition.version"
)

// ResolveDefinition is the activity that finds a published definition. Its
// result stands in history: the execution has it from then on, whatever is
// published or deleted later.
const ResolveDefinition = "definition.resolve"

// What an index and a version are asked.
const (
	PublishUpdate = "publish" // of an index: Publication → Published
	DeleteUpdate  = "delete"  // of an index: Deletion → PublishedVersion
	IndexQuery    = "index"   // of an index: → Index
	SourceQuery   = "source"  // of a version: → Source
	ForgetSignal  = "forget"  // to a version: it ends
)

// Memo members by which indexes are listed without being asked.
const (
	MemoLatest    = "lazaret.latest"    // the newest version; empty when all are deleted
	MemoVersions  = "lazaret.versions"  // how many there are, deleted ones left out
	MemoPublished = "lazaret.published" // when the last one was published
)

// Bounds of what is published.
const (
	MaxPublished = 512 << 10 // bytes of one document
	MaxVersions  = 2000      // of one definition, deleted ones included
)

// IndexID is the workflow id of a definition's index.
func IndexID(namespace, name string) string {
	return DefinitionIndex + "/" + namespace + "/" + name
}

// VersionID is the workflow id of a version.
func VersionID(namespace, name, version string) string {
	return IndexID(namespace, name) + "/" + version
}

// Publication asks for a document to be published under the version that it names.
type Publication struct {
	Source
	By string `json:"by,omitempty"` // as the publisher says
}

// Published is what became of a publication.
type Published struct {
	PublishedVersion
	// Unchanged: this document was there already.
	Unchanged bool `json:"unchanged,omitempty"`
}

// PublishedVersion is one version as its index knows it.
type PublishedVersion struct {
	Version     string    `json:"version"`
	Digest      string    `json:"digest"`
	Size        int       `json:"size"` // of the document, in bytes
	PublishedAt time.Time `json:"publishedAt"`
	PublishedBy string    `json:"publishedBy,omitempty"`
	DeletedAt   time.Time `json:"deletedAt,omitzero"`
	DeletedBy   string    `json:"deletedBy,omitempty"`
}

// Deleted tells whether the version starts nothing any more.
func (v PublishedVersion) Deleted() bool { return !v.DeletedAt.IsZero() }

// Deletion asks for a version to be deleted.
type Deletion struct {
	Version string `json:"version"`
	By      string `json:"by,omitempty"`
}

// Index is all that is published under one namespace and name.
type Index struct {
	Namespace string             `json:"namespace"`
	Name      string             `json:"name"`
	Latest    string             `json:"latest,omitempty"` // empty when all are deleted
	Versions  []PublishedVersion `json:"versions"`         // the newest first
}

// Reference names a published definition.
type Reference struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Version   string `json:"version"`          // or latest
	Digest    string `json:"digest,omitempty"` // if given, the document must have it
	// Before asks for the version that was published last before this one, in the
	// place of Version.
	Before string `json:"before,omitempty"`
}

// Latest is the version that names the newest.
const Latest = "latest"

// String is namespace/name:version.
func (r Reference) String() string {
	if r.Before != "" {
		return r.Namespace + "/" + r.Name + " before " + r.Before
	}
	return r.Namespace + "/" + r.Name + ":" + r.Version
}

// Resolved is the definition that a reference meant.
type Resolved struct {
	Source  Source `json:"source"`
	Version string `json:"version"`
	Runtime string `json:"runtime,omitempty"` // version of the worker's program
	// Interpreter is Start.Interpreter for executions started by name.
	Interpreter int `json:"interpreter,omitempty"`
	// Policy is the digest of the policy in force when it was found.
	Policy string `json:"policy,omitempty"`
}
