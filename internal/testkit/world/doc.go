// Package world holds what tests of whole gateways share: gateways with users in a known state, valid calls of every
// operation, stand-ins for other services, and checks of what comes back.
//
// A test starts with the gateway of its subject:
//
//   - Gateway has a signed-in owner, a visitor and an administrator, and builds a valid call of every operation.
//   - BothSurfaces signs in through the apps' surface and the browsers'.
//   - MailGateway sends its mails to a real mail server.
//   - Population has accounts in every state that a stranger must not be able to tell apart.
//   - Seeder and Matrix create thousands of signed-in members without hashing a password for each.
//
// The package holds no test, and no state that tests share: each gateway has a database of its own.
package world
