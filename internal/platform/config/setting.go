package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Setting is one setting as it is listed.
type Setting struct {
	Name    string
	Default string
	Value   string // masked if it is a secret
	Secret  bool
	Help    string
}

// Settings returns every setting, in the order of Config.
func (c Config) Settings() []Setting {
	value := reflect.ValueOf(c)

	var list []Setting

	for field, v := range value.Fields() {
		setting := Setting{
			Name:    field.Tag.Get("env"),
			Default: field.Tag.Get("envDefault"),
			Value:   fmt.Sprint(v.Interface()),
			Secret:  field.Tag.Get("secret") == "true",
			Help:    field.Tag.Get("help"),
		}

		switch {
		case setting.Secret && !v.IsZero():
			setting.Value = "(set)"
		case v.Kind() == reflect.Slice:
			setting.Value = strings.ReplaceAll(strings.Trim(setting.Value, "[]"), " ", ",")
		}

		list = append(list, setting)
	}

	return list
}

// settingErrors names the settings that cannot be read, and never their values: one may be a secret.
func settingErrors(err error) error {
	aggregate, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return errors.New("the environment cannot be read")
	}

	names := map[string]string{}

	for field := range reflect.TypeFor[Config]().Fields() {
		names[field.Name] = field.Tag.Get("env")
	}

	var faults []error

	for _, one := range aggregate.Errors {
		if parse, ok := errors.AsType[env.ParseError](one); ok {
			faults = append(faults, fmt.Errorf("%s: not %s", names[parse.Name], expected(parse.Type)))
		} else {
			faults = append(faults, errors.New("a setting cannot be read"))
		}
	}

	return errors.Join(faults...)
}

// expected describes the values of a type.
func expected(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 90s, 15m or 720h"
	case reflect.TypeFor[slog.Level]():
		return "a log level: DEBUG, INFO, WARN or ERROR"
	case reflect.TypeFor[netip.Prefix](), reflect.TypeFor[[]netip.Prefix]():
		return "networks such as 10.0.0.0/8, separated by commas"
	}

	if t.Kind() == reflect.Bool {
		return "true or false"
	}

	return "a whole number, or too large"
}
