//! Containers and Kubernetes, as evidence.

use pocketsoc_model::Properties;

use super::IpEvidence;
use crate::evidence::reading::{
    AllWithin, AnyWithin, Flag, Integer, Labels, Objects, Text, Texts, Within, Word, fields,
};
use crate::evidence::words::{KubernetesPlatform, KubernetesServiceType, TransportProtocol};
use crate::evidence::{Evidence, Part};

fields! {
    /// A container. Page: "containerEvidence".
    pub struct ContainerEvidence {
        /// The container's id.
        container_id: Option<String> = "containerId" as Text,
        /// The name.
        name: Option<String> = "name" as Text,
        /// What it was made from.
        image: Option<Box<Part<ContainerImageEvidence>>> = "image" as Within<ContainerImageEvidence>,
        /// The pod.
        pod: Option<Box<Part<KubernetesPodEvidence>>> = "pod" as Within<KubernetesPodEvidence>,
        /// The arguments.
        args: Vec<String> = "args" as Texts,
        /// The command.
        command: Vec<String> = "command" as Texts,
        /// Whether it may do everything on its machine.
        is_privileged: Option<bool> = "isPrivileged" as Flag,
    }

    /// An image. Page: "containerImageEvidence".
    pub struct ContainerImageEvidence {
        /// The image's id.
        image_id: Option<String> = "imageId" as Text,
        /// The same image by its digest.
        digest_image: Option<Box<Part<ContainerImageEvidence>>> = "digestImage" as Within<ContainerImageEvidence>,
        /// Where it comes from.
        registry: Option<Box<Part<ContainerRegistryEvidence>>> = "registry" as Within<ContainerRegistryEvidence>,
    }

    /// A registry of images. Page: "containerRegistryEvidence".
    pub struct ContainerRegistryEvidence {
        /// The registry's address.
        registry: Option<String> = "registry" as Text,
    }

    /// A cluster. Page: "kubernetesClusterEvidence".
    pub struct KubernetesClusterEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The resource in a cloud that it is.
        cloud_resource: Option<Box<Evidence>> = "cloudResource" as AnyWithin,
        /// What it runs on.
        platform: Option<KubernetesPlatform> = "platform" as Word<KubernetesPlatform>,
        /// The distribution.
        distribution: Option<String> = "distribution" as Text,
        /// The version.
        version: Option<String> = "version" as Text,
    }

    /// A controller. Page: "kubernetesControllerEvidence".
    pub struct KubernetesControllerEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// What it is, such as `Deployment`.
        kind: Option<String> = "type" as Text,
        /// Its labels.
        labels: Properties = "labels" as Labels,
        /// The namespace.
        namespace: Option<Box<Part<KubernetesNamespaceEvidence>>> = "namespace" as Within<KubernetesNamespaceEvidence>,
    }

    /// A namespace. Page: "kubernetesNamespaceEvidence".
    pub struct KubernetesNamespaceEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// Its labels.
        labels: Properties = "labels" as Labels,
        /// The cluster.
        cluster: Option<Box<Part<KubernetesClusterEvidence>>> = "cluster" as Within<KubernetesClusterEvidence>,
    }

    /// A pod. Page: "kubernetesPodEvidence".
    pub struct KubernetesPodEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The namespace.
        namespace: Option<Box<Part<KubernetesNamespaceEvidence>>> = "namespace" as Within<KubernetesNamespaceEvidence>,
        /// Its address.
        pod_ip: Option<Box<Part<IpEvidence>>> = "podIp" as Within<IpEvidence>,
        /// Its labels.
        labels: Properties = "labels" as Labels,
        /// Its containers.
        containers: Vec<Part<ContainerEvidence>> = "containers" as AllWithin<ContainerEvidence>,
        /// Those that run before.
        init_containers: Vec<Part<ContainerEvidence>> = "initContainers" as AllWithin<ContainerEvidence>,
        /// Those that were added for a while.
        ephemeral_containers: Vec<Part<ContainerEvidence>> = "ephemeralContainers" as AllWithin<ContainerEvidence>,
        /// Its controller.
        controller: Option<Box<Part<KubernetesControllerEvidence>>> = "controller" as Within<KubernetesControllerEvidence>,
        /// The account it runs as.
        service_account: Option<Box<Part<KubernetesServiceAccountEvidence>>> = "serviceAccount" as Within<KubernetesServiceAccountEvidence>,
    }

    /// A secret. Page: "kubernetesSecretEvidence".
    pub struct KubernetesSecretEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// What it holds.
        secret_type: Option<String> = "secretType" as Text,
        /// The namespace.
        namespace: Option<Box<Part<KubernetesNamespaceEvidence>>> = "namespace" as Within<KubernetesNamespaceEvidence>,
    }

    /// A service. Page: "kubernetesServiceEvidence".
    pub struct KubernetesServiceEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// How it can be reached.
        service_type: Option<KubernetesServiceType> = "serviceType" as Word<KubernetesServiceType>,
        /// The namespace.
        namespace: Option<Box<Part<KubernetesNamespaceEvidence>>> = "namespace" as Within<KubernetesNamespaceEvidence>,
        /// Its labels.
        labels: Properties = "labels" as Labels,
        /// The labels of its pods.
        selector: Properties = "selector" as Labels,
        /// The address within the cluster.
        cluster_ip: Option<Box<Part<IpEvidence>>> = "clusterIP" as Within<IpEvidence>,
        /// The addresses outside.
        external_ips: Vec<Part<IpEvidence>> = "externalIPs" as AllWithin<IpEvidence>,
        /// Its ports.
        service_ports: Vec<KubernetesServicePort> = "servicePorts" as Objects<KubernetesServicePort>,
    }

    /// A service account. Page: "kubernetesServiceAccountEvidence".
    pub struct KubernetesServiceAccountEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The namespace.
        namespace: Option<Box<Part<KubernetesNamespaceEvidence>>> = "namespace" as Within<KubernetesNamespaceEvidence>,
    }

    /// A port of a service.
    pub struct KubernetesServicePort {
        /// The name.
        name: Option<String> = "name" as Text,
        /// The port.
        port: Option<i64> = "port" as Integer,
        /// The port of the pods, a number or a name.
        target_port: Option<String> = "targetPort" as Text,
        /// The port of the machines.
        node_port: Option<i64> = "nodePort" as Integer,
        /// What carries it.
        protocol: Option<TransportProtocol> = "protocol" as Word<TransportProtocol>,
        /// What is spoken.
        app_protocol: Option<String> = "appProtocol" as Text,
    }
}
