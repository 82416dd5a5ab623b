//! What an administrator should do about a sign-in error, by its AADSTS number.
//!
//! The numbers are for hints alone: program logic goes by `error`, as the vendor demands.

/// What to fix, for the numbers that the vendor documents.
pub(super) fn hint(code: i64) -> Option<&'static str> {
    Some(match code {
        7_000_215 => {
            "the client secret is wrong: paste the secret's value, not its id, and check client id and tenant id"
        }
        7_000_222 => {
            "the client secret has expired: create a new one under Certificates & secrets and update it here"
        }
        7_000_218 => {
            "no secret was sent: configure a client secret, or allow public client flows for a desktop application"
        }
        700_025 => {
            "the application is a public client: remove the secret, or register it as a web application"
        }
        700_016 => {
            "the application is not in this tenant: check client id, tenant id and cloud, and grant admin consent"
        }
        70_001 | 7_000_112 => "the application is disabled: enable sign-in on the enterprise application",
        700_027 => {
            "the certificate is not known to the application: upload it, and check that the key belongs to it"
        }
        700_024 => {
            "the assertion is outside its time range: set this machine's clock, or refresh the federated token"
        }
        50_027 => "the assertion is malformed: check the certificate, or the file of the federated token",
        700_030 | 50_012 => {
            "the certificate is not allowed: check its subject and chain against the tenant's policy"
        }
        70_021 | 700_211 | 700_212 | 700_213 | 7_002_138 => {
            "no federated credential matches: compare issuer, subject and audience exactly, case included"
        }
        90_002 => "the tenant was not found: check the tenant id and the cloud",
        900_023 => "the tenant is neither an id nor a domain: copy the Directory (tenant) ID",
        90_038 | 900_439 => "the tenant lives in another national cloud: choose that cloud",
        500_011 => {
            "the service is not present in this tenant: check the audience and the cloud, and that the product is licensed and set up"
        }
        650_052 | 650_057 | 50_001 => {
            "the application may not ask for this service: add its API permission, or license the product"
        }
        70_011 | 28_002 | 700_022 | 700_023 => {
            "the scope is wrong: ask for one resource, as `{resource}/.default`"
        }
        9_002_313 | 90_014 | 900_144 | 90_004 | 90_023 => {
            "the sign-in request was malformed: report it with the request id"
        }
        9_001_023 | 50_194 | 90_124 | 90_130 => "this tenant name is not allowed here: use the tenant id",
        50_011 | 70_004 | 900_971 => "the redirect URI does not match: register exactly the one that is sent",
        501_481 | 50_147 => "the sign-in was not finished by who began it: start it again",
        54_005 | 700_005 => "the sign-in code was used already: start the sign-in again",
        65_001 | 90_094 | 90_008 => "consent is missing: grant admin consent for the listed API permissions",
        65_004 => "the user declined consent: sign in again and accept",
        65_002 | 650_056 => "the application's permissions are misconfigured: use your own app registration",
        50_105 => "the user is not assigned to the application: assign the user or a group",
        50_034 | 51_004 | 16_000 | 50_020 | 90_072 | 50_014 => {
            "the account is not known in this tenant: use the right account and tenant, or invite it"
        }
        50_126 | 50_056 => "the password is wrong: sign in again",
        50_053 => {
            "the account is locked, or the address looks risky: wait, or have an administrator unlock it"
        }
        50_055 | 50_144 | 50_133 | 50_132 | 50_173 => "the password or the grant has changed: sign in again",
        50_057 => "the account is disabled: ask its administrator",
        50_058 | 50_089 => "there is no session any more: sign in again",
        50_072 | 50_074 | 50_076 | 50_078 | 50_079 | 50_158 => {
            "another factor is asked for: sign in interactively"
        }
        50_097 | 50_129 | 53_000 | 53_001 | 53_002 | 50_131 => {
            "the device does not meet the tenant's policy: use a compliant one, or exclude this workload"
        }
        53_003 | 530_032 | 530_034 | 530_035 | 53_004 | 53_011 => {
            "Conditional Access blocks this sign-in: ask the policy's owner (for an application: its workload policy)"
        }
        70_008 | 700_082 | 700_084 | 70_043 => "the session has ended: sign in again",
        70_016 => "the sign-in on the other device is not finished yet",
        70_018 | 70_019 | 90_119 => "the device code is wrong or has expired: start the sign-in again",
        50_013 | 500_133 | 700_020 | 7_000_114 => {
            "the user's token cannot be exchanged: fetch a new one, and check the application's settings"
        }
        50_196 => "too many identical sign-ins: the application loops; keep one connection and share it",
        90_055 | 50_087 | 50_166 => "the sign-in service is throttling: wait",
        90_033 | 90_024 | 90_006 | 90_090 | 90_012 | 50_033 => {
            "the sign-in service has a passing fault: try again"
        }
        90_036 | 50_000 | 90_092 => {
            "the sign-in service cannot answer this: open a support case with the request id"
        }
        _ => return None,
    })
}

/// The numbers that an error description names, as a fallback for bodies without `error_codes`.
pub(super) fn codes_in(text: &str) -> impl Iterator<Item = i64> {
    text.split("AADSTS").skip(1).filter_map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_the_text() {
        let text = "AADSTS7000215: Invalid client secret provided. Trace ID: x AADSTS: y AADSTS90002";
        assert_eq!(codes_in(text).collect::<Vec<_>>(), [7_000_215, 90_002]);
        assert!(hint(7_000_215).unwrap().contains("client secret"));
        assert_eq!(hint(1), None);
    }
}
