package administration

import (
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// maxTerms is how many words of a text are looked for. More narrow the result no further in practice, and each costs.
const maxTerms = 8

// LeastOfID is how many digits of an id's beginning find it. Shorter ones would match more than anyone looks for.
const LeastOfID = 6

// term is one word of what an administrator looks for, folded.
type term string

var (
	// telephone is a number as people write it, with spaces, hyphens and brackets.
	telephone = regexp.MustCompile(`^[+(]{0,2}[0-9][0-9 ()./-]{3,24}$`)
	separator = regexp.MustCompile(`[^0-9+]`)
	idPart    = regexp.MustCompile(`^[0-9a-f]+$`)
	// indexed is a term with a trigram: three letters or digits in a row.
	indexed = regexp.MustCompile(`[0-9A-Za-z]{3}`)
)

// termsOf returns the words of a text. A number is one word, however it is written.
func termsOf(text string) (terms []term) {
	folded := account.Fold(text)

	if telephone.MatchString(folded) {
		number := separator.ReplaceAllString(folded, "")
		if rest, international := strings.CutPrefix(number, "00"); international {
			number = "+" + rest
		}

		return []term{term(number)}
	}

	for _, word := range strings.Fields(folded) {
		if len(terms) < maxTerms {
			terms = append(terms, term(word))
		}
	}

	return terms
}

// condition returns the SQL for a term, with arguments whose names begin with name. One or two Latin letters or digits match
// only the beginning of a value, which has an index: as parts of words they would match most accounts.
func (t term) condition(name string) (string, pgx.NamedArgs) {
	encoded := account.EncodeTerm(string(t))

	if !indexed.MatchString(encoded) {
		return `(a.folded_name COLLATE "C" LIKE @` + name + ` OR a.email COLLATE "C" LIKE @` + name + ` OR a.phone COLLATE "C" LIKE @` + name + `)`,
			pgx.NamedArgs{name: beginning(string(t))}
	}

	args := pgx.NamedArgs{name: "%" + literal.Replace(encoded) + "%"}

	if len(t) < LeastOfID || len(t) > 24 || !idPart.MatchString(string(t)) {
		return "a.search LIKE @" + name, args
	}

	args[name+"First"], args[name+"Last"] = string(t)+strings.Repeat("0", 24-len(t)), string(t)+strings.Repeat("f", 24-len(t))

	return "(a.search LIKE @" + name + " OR a.id BETWEEN @" + name + "First AND @" + name + "Last)", args
}
