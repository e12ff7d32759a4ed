// Package failover breaks the cluster that deploy/cluster starts, as machines and networks break, while users of the apps
// refresh, register and sign in through HAProxy, and measures what they notice. All of its tests belong to the battery, and
// require Linux, root and Debian's packages.
package failover_test
