//go:build libvirt_dlopen && cgo

package libvirt

import (
	"encoding/xml"
	"fmt"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func hostInfo(o *operation) (any, error) {
	node, err := o.conn.GetNodeInfo()
	if err != nil {
		return nil, err
	}
	v := virt.Host{
		CPUModel: node.Model, CPUs: node.Cpus, MHz: node.MHz, Memory: node.Memory >> 10,
		Cores: uint(node.Cores), Threads: uint(node.Threads), Sockets: uint(node.Sockets), NUMANodes: uint(node.Nodes),
	}
	if v.Hostname, err = o.conn.GetHostname(); err != nil {
		return nil, err
	}
	if v.URI, err = o.conn.GetURI(); err != nil {
		return nil, err
	}
	if v.Hypervisor, err = o.conn.GetType(); err != nil {
		return nil, err
	}
	// Drivers need not have these.
	if n, err := o.conn.GetVersion(); err == nil {
		v.HypervisorVersion = version(n)
	}
	if n, err := o.conn.GetLibVersion(); err == nil {
		v.LibvirtVersion = version(n)
	}
	if free, err := o.conn.GetFreeMemory(); err == nil {
		v.MemoryFree = free >> 20
	}
	return v, nil
}

func version(n uint32) string { return fmt.Sprintf("%d.%d.%d", n/1_000_000, n/1000%1000, n%1000) }

func capabilities(o *operation) (any, error) {
	text, err := o.conn.GetCapabilities()
	return virt.Document{XML: text}, err
}

func hostMemory(o *operation) (any, error) {
	node, err := o.conn.GetNodeInfo()
	if err != nil {
		return nil, err
	}
	free, err := o.conn.GetFreeMemory()
	return virt.HostMemory{Total: node.Memory >> 10, Free: free >> 20}, err
}

func hostCPU(o *operation) (any, error) {
	all, online, err := o.conn.GetCPUMap(0)
	if err != nil {
		return nil, err
	}
	v := virt.HostCPU{Online: int(online), Present: len(all)}
	if stats, err := o.conn.GetCPUStats(int(libvirt.NODE_CPU_STATS_ALL_CPUS), 0); err == nil {
		v.Kernel, v.User, v.Idle, v.IOWait = stats.Kernel, stats.User, stats.Idle, stats.Iowait
	}
	return v, nil
}

// insidePools fails unless each path lies inside an active pool of files.
func (o *operation) insidePools(paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	folders, err := o.poolFolders()
	if err != nil {
		return err
	}
	for _, path := range paths {
		inside := false
		for _, folder := range folders {
			inside = inside || virt.Inside(folder, path)
		}
		if !inside {
			return virt.Errorf(virt.Denied, "%q is inside no active storage pool", path)
		}
		// A volume that the pool knows: not a link or a folder on the way out.
		v, err := o.conn.LookupStorageVolByPath(path)
		if isCode(err, libvirt.ERR_NO_STORAGE_VOL) {
			return virt.Errorf(virt.NotFound, "%q is no volume of a storage pool; refresh the pool if it is new", path)
		}
		if err != nil {
			return err
		}
		_ = v.Free()
	}
	return nil
}

func (o *operation) poolFolders() ([]string, error) {
	pools, err := o.conn.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE)
	if err != nil {
		return nil, err
	}
	var folders []string
	for i := range pools {
		text, err := pools[i].GetXMLDesc(0)
		_ = pools[i].Free()
		if err != nil {
			return nil, err
		}
		var x struct {
			Type string `xml:"type,attr"`
			Path string `xml:"target>path"`
		}
		if err := xml.Unmarshal([]byte(text), &x); err != nil {
			return nil, err
		}
		if x.Type == "dir" || x.Type == "fs" || x.Type == "netfs" {
			folders = append(folders, x.Path)
		}
	}
	return folders, nil
}
