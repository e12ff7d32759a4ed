package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

const (
	floorRole     = "floor"
	floorMethod   = "BENCH_SIGNING_METHOD" // the variable that says how the floor signs access tokens
	floorLifetime = time.Hour
	timestamp     = "2006-01-02T15:04:05.000Z"
)

// floor runs the two requests with the least code that is still correct: no router, no document, no log, no metrics, no
// limits. Its statements, responses and refresh tokens are the gateway's. Its access tokens are the cheapest, HS256, or signed
// as the gateway's, EdDSA.
type floor struct {
	queries *db.Queries
	refresh *token.Refresh
	key     []byte
	method  jwt.SigningMethod
	signing any // the key of the method
}

func runFloor(ctx context.Context) error {
	settings, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}

	settings.MaxConns = poolSize

	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return err
	}
	defer pool.Close()

	master, err := keyring.Parse(os.Getenv("MASTER_KEY"))
	if err != nil {
		return err
	}

	key, _ := master.Digest(master.Current(), "bench")
	f := &floor{queries: db.New(pool), refresh: token.NewRefresh(master), key: key, method: jwt.SigningMethodHS256, signing: key}

	if os.Getenv(floorMethod) == jwt.SigningMethodEdDSA.Alg() {
		f.method, f.signing = jwt.SigningMethodEdDSA, ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	}

	mux := http.NewServeMux()
	mux.HandleFunc(mePath, f.me)
	mux.HandleFunc(refreshPath, f.rotate)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}

	fmt.Println(listener.Addr())

	plain := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = plain.Close() })

	if err := plain.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}

	return nil
}

type floorClaims struct {
	jwt.RegisteredClaims

	SessionID string `json:"sid"`
}

func (f *floor) me(w http.ResponseWriter, r *http.Request) {
	var claims floorClaims

	raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")

	_, err := jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return f.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired())
	if err != nil {
		http.Error(w, "token", http.StatusUnauthorized)

		return
	}

	row, err := f.queries.SessionAuthenticate(r.Context(), db.SessionAuthenticateParams{
		ID: claims.SessionID, Surface: "toolkit", Now: time.Now(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)

		return
	}

	answer(w, api.MeResponse{Success: true, User: api.User{
		ID: row.ID, Username: row.Name, Email: row.Email, MemberGroup: row.MemberGroup, Avatar: row.Avatar,
		CreatedAt: row.CreatedAt.UTC().Format(timestamp), UpdatedAt: row.UpdatedAt.UTC().Format(timestamp), V: row.Version,
	}})
}

func (f *floor) rotate(w http.ResponseWriter, r *http.Request) {
	var body api.RefreshRequest
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, "body", http.StatusBadRequest)

		return
	}

	id, generation, genuine := f.refresh.Read(body.RefreshToken)
	if !genuine {
		http.Error(w, "token", http.StatusUnauthorized)

		return
	}

	now := time.Now()

	row, err := f.queries.SessionRotate(r.Context(), db.SessionRotateParams{
		ID: id, Generation: generation, Now: now, Forget: now.Add(-10 * time.Second), IdleUntil: now.Add(24 * time.Hour),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)

		return
	}

	access, err := jwt.NewWithClaims(f.method, floorClaims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: row.AccountID, ExpiresAt: jwt.NewNumericDate(now.Add(floorLifetime))},
		SessionID:        id,
	}).SignedString(f.signing)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)

		return
	}

	answer(w, api.Tokens{
		AccessToken: access, TokenType: api.TokensTokenTypeBearer, ExpiresIn: int32(floorLifetime / time.Second),
		RefreshToken: f.refresh.Derive(id, row.Generation),
	})
}

func answer(w http.ResponseWriter, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)

		return
	}

	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}
