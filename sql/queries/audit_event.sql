-- name: AuditEventRecord :exec
INSERT INTO audit_event (at, action, account_id, session_id, subject, method, address, user_agent, request_id)
VALUES (@at, @action, @account_id, @session_id, @subject, @method, @address, @user_agent, @request_id);

-- name: AuditEventLastSignIn :one
SELECT at, method, address, user_agent
FROM audit_event
WHERE account_id = @account_id AND action = 'sign_in.succeeded'
ORDER BY at DESC
LIMIT 1;
