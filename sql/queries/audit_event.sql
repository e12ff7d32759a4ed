-- name: AuditEventRecord :exec
INSERT INTO audit_event (at, action, account_id, session_id, subject, address, user_agent, request_id)
VALUES (@at, @action, @account_id, @session_id, @subject, @address, @user_agent, @request_id);
