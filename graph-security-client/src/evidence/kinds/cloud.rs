//! Resources of clouds, as evidence.

use chrono::{DateTime, Utc};

use crate::evidence::Part;
use crate::evidence::reading::{Integer, Objects, Text, Texts, Time, Within, Word, fields};
use crate::evidence::words::{FileHashAlgorithm, GoogleCloudLocationType};

fields! {
    /// A resource in Azure. Page: "azureResourceEvidence".
    pub struct AzureResourceEvidence {
        /// The full id.
        resource_id: Option<String> = "resourceId" as Text,
        /// The name.
        resource_name: Option<String> = "resourceName" as Text,
        /// The type.
        resource_type: Option<String> = "resourceType" as Text,
    }

    /// A resource in Amazon's cloud. Page: "amazonResourceEvidence".
    pub struct AmazonResourceEvidence {
        /// The account's number.
        amazon_account_id: Option<String> = "amazonAccountId" as Text,
        /// The full name (ARN).
        amazon_resource_id: Option<String> = "amazonResourceId" | "resourceId" as Text,
        /// The name.
        resource_name: Option<String> = "resourceName" as Text,
        /// The type.
        resource_type: Option<String> = "resourceType" as Text,
    }

    /// A resource in Google's cloud. Page: "googleCloudResourceEvidence".
    pub struct GoogleCloudResourceEvidence {
        /// The full name.
        full_resource_name: Option<String> = "fullResourceName" as Text,
        /// The zone or region.
        location: Option<String> = "location" as Text,
        /// What the location is.
        location_type: Option<GoogleCloudLocationType> = "locationType" as Word<GoogleCloudLocationType>,
        /// The project.
        project_id: Option<String> = "projectId" as Text,
        /// The project's number.
        project_number: Option<i64> = "projectNumber" as Integer,
        /// The name.
        resource_name: Option<String> = "resourceName" as Text,
        /// The type.
        resource_type: Option<String> = "resourceType" as Text,
    }

    /// A blob in Azure storage. Page: "blobEvidence".
    pub struct BlobEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The address.
        url: Option<String> = "url" as Text,
        /// The mark of its version.
        etag: Option<String> = "etag" as Text,
        /// The hashes of what it holds.
        file_hashes: Vec<FileHash> = "fileHashes" as Objects<FileHash>,
        /// What it lies in.
        blob_container: Option<Box<Part<BlobContainerEvidence>>> = "blobContainer" as Within<BlobContainerEvidence>,
    }

    /// A container of blobs. Page: "blobContainerEvidence".
    pub struct BlobContainerEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The address.
        url: Option<String> = "url" as Text,
        /// The storage account.
        storage_resource: Option<Box<Part<AzureResourceEvidence>>> = "storageResource" as Within<AzureResourceEvidence>,
    }

    /// A signature that opens Azure storage. Page: "sasTokenEvidence".
    pub struct SasTokenEvidence {
        /// The addresses that it works from.
        allowed_ip_addresses: Option<String> = "allowedIpAddresses" as Text,
        /// The kinds of resources that it opens.
        allowed_resource_types: Vec<String> = "allowedResourceTypes" as Texts,
        /// The services that it opens.
        allowed_services: Vec<String> = "allowedServices" as Texts,
        /// What it allows.
        permissions: Vec<String> = "permissions" as Texts,
        /// How it may be used.
        protocol: Option<String> = "protocol" as Text,
        /// When it begins.
        start_date_time: Option<DateTime<Utc>> = "startDateTime" as Time,
        /// When it ends.
        expiry_date_time: Option<DateTime<Utc>> = "expiryDateTime" as Time,
        /// A hash of the signature.
        signature_hash: Option<String> = "signatureHash" as Text,
        /// The key it was signed with.
        signed_with: Option<String> = "signedWith" as Text,
        /// The storage account.
        storage_resource: Option<Box<Part<AzureResourceEvidence>>> = "storageResource" as Within<AzureResourceEvidence>,
    }

    /// A hash of a file.
    pub struct FileHash {
        /// How it was made.
        algorithm: Option<FileHashAlgorithm> = "algorithm" as Word<FileHashAlgorithm>,
        /// The hash, hexadecimal.
        value: Option<String> = "value" as Text,
    }
}
