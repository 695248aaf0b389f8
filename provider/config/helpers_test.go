// SPDX-License-Identifier: Apache-2.0

package config

// goodConfig is a valid file with one connection and two rules.
const goodConfig = `connections:
  default:
    region: eu-west-par
    okmsId: 734b9b45-8b1a-469c-b140-b10bd6540017
    credentialsDir: /etc/ovhcloud-csi/credentials/default
    allow:
      - namespaces: ["shop", "team-*"]
        serviceAccounts: ["*"]
        paths: ["prod/shop/**"]
      - namespaces: [pay]
        serviceAccounts: [teller]
        paths: [prod/pay/card]
`
