// Package pgcluster runs private PostgreSQL clusters for development, tests and benchmarks: it finds
// the server's programs or fetches them, makes a data folder, and starts, stops, kills, freezes and
// restarts the server in it. A cluster listens on a Unix socket only, in a folder that no one else may
// enter, and does not outlive the process that started it.
//
// It never runs SQL, never touches a server that it did not start, and is not for production.
package pgcluster
