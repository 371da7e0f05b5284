import { testRows } from "#harness/validation-rows.ts";
import { certificateSigningRequestHooks } from "./certificate-signing-request/kind.ts";

testRows(
  "requests",
  certificateSigningRequestHooks,
  {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "jane" },
    spec: {
      request:
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQ1l6Q0NBVXNDQVFBd0hqRU5NQXNHQTFVRUF3d0VhbUZ1WlRFTk1Bc0dBMVVFQ2d3RVpHVjJjekNDQVNJdwpEUVlKS29aSWh2Y05BUUVCQlFBRGdnRVBBRENDQVFvQ2dnRUJBSXE2TDQ1MDAzVE5yd1A4L1J1NkhaaUZEZXA0Cm5kMWZUSHdWeGlGREhJZ20vMGZ5SElyRlJtRW1URHB3dnBQdGdWOVFyY0Jnc2dYaDVZYjYzNnA2aDUxUXp1ZUkKSUowWXlpWjRhVFJGYWw3eHJ4YnlJM0xlaVhtcm1TTnZiUm5SZFd2Zk5kY1pVdnpFNWt6em0wU1JLY0hhcDJRMQpJNDRNVGFlYkd0SGd2ZmpoMXB4eDVBNDFGVFk1bnhpNGsxV1BUTG00bW1xNnNjcUY5d3RTM1crait6bjc1WkhtCjRDTkZlTnFHWUpHK1VvTmZrNDM2ckErSWtSZGNrVU5WTnExajhrOHp6bmtHZ3BDTmYrNnJoV0xMaGZicWJ3aXQKQ1MzSWhWZmhTdWZDRXFsRDhNQ0hkcXBINEY0Q2FlVzY1OEk5eHBnV1RoSklyTEpGZ1Y1ZFU0QnVKaHNDQXdFQQpBYUFBTUEwR0NTcUdTSWIzRFFFQkN3VUFBNElCQVFBZnRQbklsbnk0SWhTOUZSbkQ1OFlKTEMrRk5pVFA1NElKCkdicWxMMmRVaWgwK1c4M2srQW5odWpCTDkrSHVaMmFtR01TYmlKcU5rTWFGNXZ1dlZmQTR5cGQ5NDlKZ2ZoNDQKVDNUWWJ0WHFqenNJemlHU0sxNDN4d0VyZEk2NTJuMDFZcDJxSzJDWDh4SjlORjdrSnhFMnE4emFCVE9vcGpMegpjOWtPNWdjMGhJYnFwQ1ZTYzFYdkRrMHl4MTFRWld0NktyTWUzWmtCSEZML1FITm0ybW5FUHVIQzg4K21sQ21zCnFrSGJuL2RjZWNlRFZGemt0OWtQUVcwK0sxVEpsWWZWM3N0SFgxY21wNUpORU1DMjZDaWlIYnBWY2MzTlFjVHYKUXNnRVhxQU9LVVdNUytKc3NHdzFvVW5KVDVNb0Z3c1F2a0F1c1RiV2VsaFkzeE9pWWd2ZAotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
      signerName: "example.com/signer",
      expirationSeconds: 3600,
      usages: ["client auth", "digital signature"],
    },
  },
  [
    ["spec.signerName", "", ["spec.signerName: Required value"]],
    [
      "spec.signerName",
      "a",
      ["spec.signerName: Invalid value: \"a\": must be a fully qualified domain and path of the form 'example.com/signer-name'"],
    ],
    ["spec.signerName", "a/b", ['spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots']],
    [
      "spec.signerName",
      "a.b/-",
      [
        "spec.signerName: Invalid value: \"-\": validating label \"-\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    [
      "spec.signerName",
      "kubernetes.io/legacy-unknown",
      ['spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version'],
    ],
    ["spec.usages", [], ["spec.usages: Required value"]],
    ["spec.usages.1", "client auth", ['spec.usages[1]: Duplicate value: "client auth"']],
    [
      "spec.usages.1",
      "flying",
      [
        'spec.usages[1]: Unsupported value: "flying": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"',
      ],
    ],
    [
      "spec.expirationSeconds",
      599,
      ["spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"],
    ],
  ],
);
