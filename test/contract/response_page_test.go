package contract_test

import "github.com/konec/toolkit-gateway/internal/testkit/world"

// pageScenarios are the scenarios of the pages that people reach by a link, and of the settings and Lark, to which browsers are
// sent; see scenarios.
var pageScenarios = []scenario{
	{"showEmailConfirmation", "200", "", healthy, validCall},
	{"showEmailConfirmation", "400", "INVALID_REQUEST", healthy, unknownOutcome},
	{"showEmailConfirmation", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"showEmailConfirmation", "503", "UNAVAILABLE", notStarted, validCall},

	{"confirmEmail", "303", "", healthy, validCall},
	{"confirmEmail", "400", "INVALID_REQUEST", healthy, unknownMember},
	{"confirmEmail", "403", "CROSS_SITE", healthy, crossSite},
	{"confirmEmail", "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
	{"confirmEmail", "413", "BODY_TOO_LARGE", healthy, oversizedBody},
	{"confirmEmail", "415", "UNSUPPORTED_MEDIA_TYPE", healthy, plainText},
	{"confirmEmail", "500", "INTERNAL", withoutTables, validCall},
	{"confirmEmail", "503", "UNAVAILABLE", withoutDatabase, validCall},

	{"showFirstRun", "200", "", healthy, validCall},
	{"showFirstRun", "400", "INVALID_REQUEST", healthy, unknownOutcome},
	{"showFirstRun", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"showFirstRun", "500", "INTERNAL", withoutTables, world.PageWithToken},
	{"showFirstRun", "503", "UNAVAILABLE", withoutDatabase, world.PageWithToken},

	{"createFirstAdministrator", "200", "", withoutAdministrator, world.BadFirstRunForm},
	{"createFirstAdministrator", "303", "", healthy, validCall},
	{"createFirstAdministrator", "400", "INVALID_REQUEST", healthy, unknownMember},
	{"createFirstAdministrator", "403", "CROSS_SITE", healthy, crossSite},
	{"createFirstAdministrator", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"createFirstAdministrator", "413", "BODY_TOO_LARGE", healthy, oversizedBody},
	{"createFirstAdministrator", "415", "UNSUPPORTED_MEDIA_TYPE", healthy, plainText},
	{"createFirstAdministrator", "500", "INTERNAL", withoutTables, validCall},
	{"createFirstAdministrator", "503", "UNAVAILABLE", withoutDatabase, validCall},

	{"showReset", "200", "", healthy, validCall},
	{"showReset", "400", "INVALID_REQUEST", healthy, unknownOutcome},
	{"showReset", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"showReset", "500", "INTERNAL", withoutTables, world.PageWithToken},
	{"showReset", "503", "UNAVAILABLE", withoutDatabase, world.PageWithToken},

	{"resetWithLink", "200", "", healthy, world.BadResetForm},
	{"resetWithLink", "303", "", healthy, validCall},
	{"resetWithLink", "400", "INVALID_REQUEST", healthy, unknownMember},
	{"resetWithLink", "403", "CROSS_SITE", healthy, crossSite},
	{"resetWithLink", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"resetWithLink", "413", "BODY_TOO_LARGE", healthy, oversizedBody},
	{"resetWithLink", "415", "UNSUPPORTED_MEDIA_TYPE", healthy, plainText},
	{"resetWithLink", "500", "INTERNAL", withoutTables, validCall},
	{"resetWithLink", "503", "UNAVAILABLE", withoutDatabase, validCall},

	{"showSignUp", "200", "", healthy, validCall},
	{"showSignUp", "400", "INVALID_REQUEST", healthy, unknownOutcome},
	{"showSignUp", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"showSignUp", "500", "INTERNAL", withoutTables, world.PageWithToken},
	{"showSignUp", "503", "UNAVAILABLE", withoutDatabase, world.PageWithToken},

	{"registerWithLink", "200", "", healthy, world.BadSignUpForm},
	{"registerWithLink", "303", "", healthy, validCall},
	{"registerWithLink", "400", "INVALID_REQUEST", healthy, unknownMember},
	{"registerWithLink", "403", "CROSS_SITE", healthy, crossSite},
	{"registerWithLink", "406", "NOT_ACCEPTABLE", healthy, acceptsPictures},
	{"registerWithLink", "413", "BODY_TOO_LARGE", healthy, oversizedBody},
	{"registerWithLink", "415", "UNSUPPORTED_MEDIA_TYPE", healthy, plainText},
	{"registerWithLink", "500", "INTERNAL", withoutTables, validCall},
	{"registerWithLink", "503", "UNAVAILABLE", withoutDatabase, validCall},

	{"getOptions", "200", "", healthy, validCall},
	{"getOptions", "400", "INVALID_REQUEST", healthy, unknownParameter},
	{"getOptions", "400", "NOT_CONFIGURED", healthy, uploadNotConfigured},
	{"getOptions", "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
	{"getOptions", "503", "UNAVAILABLE", notStarted, validCall},

	{"authorizeLark", "302", "", healthy, validCall},
	{"authorizeLark", "400", "INVALID_REQUEST", healthy, unknownParameter},
	{"authorizeLark", "400", "NOT_CONFIGURED", withoutLark, validCall},
	{"authorizeLark", "403", "CROSS_SITE", healthy, crossSite},
	{"authorizeLark", "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
	{"authorizeLark", "500", "INTERNAL", withoutTables, validCall},
	{"authorizeLark", "503", "UNAVAILABLE", withoutDatabase, validCall},

	{"authorizeLarkForApp", "302", "", healthy, validCall},
	{"authorizeLarkForApp", "400", "INVALID_REQUEST", healthy, unknownParameter},
	{"authorizeLarkForApp", "400", "NOT_CONFIGURED", withoutLark, validCall},
	{"authorizeLarkForApp", "403", "CROSS_SITE", healthy, crossSite},
	{"authorizeLarkForApp", "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
	{"authorizeLarkForApp", "503", "UNAVAILABLE", notStarted, validCall},

	{"returnFromLark", "302", "", healthy, validCall},
	{"returnFromLark", "400", "INVALID_REQUEST", healthy, unknownParameter},
	{"returnFromLark", "400", "NOT_CONFIGURED", withoutLark, validCall},
	{"returnFromLark", "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
	{"returnFromLark", "500", "INTERNAL", withoutTables, validCall},
	{"returnFromLark", "503", "UNAVAILABLE", withoutDatabase, validCall},
}
