#!/bin/bash
# Makes the certificates of the TLS tests: an authority with the certificate of a server, and an
# authority that signed nothing here. They are valid from 2020 to 2120.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"

cat > config <<END
[ca]
default_ca = test
[test]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:login.example, DNS:localhost, IP:127.0.0.1
END
touch index

certificate() { # name, kind of extensions, and who signs
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -keyout "$1-key.pem" -out "$1.csr" -subj "/CN=Test $1"
    openssl ca -batch -notext -config config -extensions "$2" -in "$1.csr" -out "$1.pem" "${@:3}" \
        -startdate 20200101000000Z -enddate 21200101000000Z
}
certificate authority authority -selfsign -keyfile authority-key.pem
certificate other-authority authority -selfsign -keyfile other-authority-key.pem
certificate server server -cert authority.pem -keyfile authority-key.pem
cp authority.pem other-authority.pem server.pem server-key.pem "$here"
