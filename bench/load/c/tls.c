#include "load.h"

#ifdef WITH_OPENSSL
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL_CTX *context;

void open_tls(struct connection *c) {
  if (context == NULL) {
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) fail("OpenSSL cannot be set up");
    // The certificate was made for this bench, and nobody is in between.
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  }
  SSL *tls = SSL_new(context);
  if (tls == NULL || SSL_set_fd(tls, c->fd) != 1 || SSL_connect(tls) != 1)
    fail("connection %d: TLS handshake: %s", c->number, ERR_reason_error_string(ERR_get_error()));
  c->tls = tls;
}

static ptrdiff_t result_of(struct connection *c, int result) {
  if (result > 0) return result;
  int reason = SSL_get_error(c->tls, result);
  if (reason == SSL_ERROR_ZERO_RETURN) return 0;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) errno = EAGAIN;
  else if (reason != SSL_ERROR_SYSCALL || errno == 0) fail("connection %d: TLS: %s", c->number, ERR_reason_error_string(ERR_get_error()));
  return -1;
}

ptrdiff_t receive_tls(struct connection *c, void *bytes, size_t room) { return result_of(c, SSL_read(c->tls, bytes, (int)room)); }

ptrdiff_t send_tls(struct connection *c, const void *bytes, size_t length) { return result_of(c, SSL_write(c->tls, bytes, (int)length)); }

#else

void open_tls(struct connection *c) {
  (void)c;
  fail("this program was built without OpenSSL");
}

ptrdiff_t receive_tls(struct connection *c, void *bytes, size_t room) {
  (void)bytes;
  (void)room;
  open_tls(c);
  return -1;
}

ptrdiff_t send_tls(struct connection *c, const void *bytes, size_t length) {
  (void)bytes;
  (void)length;
  open_tls(c);
  return -1;
}

#endif
