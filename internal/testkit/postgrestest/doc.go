// Package postgrestest gives every test a migrated PostgreSQL database of its own. Each test process
// starts one throw-away cluster when its first test asks, or uses the server that TEST_DATABASE_URL
// names; it migrates one template there, and clones it for each test. On Linux the cluster's files are in
// memory, unless TMPDIR names a folder.
//
// Only tests import it. It never skips a test: one that cannot have its database fails, and says why.
package postgrestest
