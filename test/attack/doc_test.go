// Package attack repeats the attacks of a security review by HTTP, against two replicas of a gateway over one Postgres. It
// imports nothing of the gateway: GATEWAY=path names another program to attack, such as an earlier version, against which
// the tests must fail. All of its tests belong to the battery.
package attack_test
