package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
)

// Hello returns the name with which the server introduces itself to a mail server, which may look it up (RFC 5321, section
// 4.1.1.1): SMTP_HELO, or the first name with a dot of the host of PUBLIC_URL and the domain of MAIL_FROM. It is empty if
// there is none.
func (c Config) Hello() string {
	if c.SMTPHello != "" {
		return c.SMTPHello
	}

	if u, err := url.Parse(c.PublicURL); err == nil && isQualified(u.Hostname()) {
		return u.Hostname()
	}

	if sender, err := mail.ParseAddress(c.MailFrom); err == nil {
		if _, domain, _ := strings.Cut(sender.Address, "@"); isQualified(domain) {
			return domain
		}
	}

	return ""
}

func isQualified(host string) bool {
	_, err := netip.ParseAddr(host)

	return err != nil && strings.Contains(host, ".") && mailName.MatchString(host)
}
