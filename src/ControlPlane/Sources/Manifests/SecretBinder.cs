using System.Text;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// Reads a Secret. A certificate that cannot be used is an error of the Secret, so that its last good version stays in force.
/// Source: the field descriptions of Secret v1 in the Kubernetes API reference.
/// </summary>
internal static class SecretBinder
{
    public static Secret Bind(FieldReader document, ObjectMeta metadata)
    {
        document.Ignore("immutable", "data", "stringData");
        var bare = metadata with { Annotations = default };
        var type = document.Text("type") ?? Secret.OpaqueType;
        return new Secret(bare, type, type == Secret.TlsType ? BindKeyPair(document) : null);
    }

    private static TlsKeyPair? BindKeyPair(FieldReader document)
    {
        var data = document.Mapping("data");
        var texts = document.Mapping("stringData");
        var certificates = Read(document, data, texts, Secret.CertificateField);
        var key = Read(document, data, texts, Secret.KeyField);
        if (certificates is null || key is null)
        {
            return null;
        }

        var pair = TlsKeyPair.Parse(certificates, key, out var fault);
        if (fault is not null)
        {
            (texts?.Has(fault.Field) == true ? texts : data!).Fault(fault.Field, fault.Message, fault.Remedy);
        }

        return pair;
    }

    /// <summary>The text of a field; <c>stringData</c> goes before <c>data</c>, as on a Kubernetes API server.</summary>
    private static string? Read(FieldReader document, FieldReader? data, FieldReader? texts, string field)
    {
        if (texts?.Has(field) == true)
        {
            return texts.Text(field);
        }

        if (data?.Has(field) != true)
        {
            (data ?? texts ?? document).Fault(data is null && texts is null ? "data" : field, "is missing", $"a Secret of type {Secret.TlsType} has {Secret.CertificateField} and {Secret.KeyField}");
            return null;
        }

        if (data.Text(field) is not { } encoded)
        {
            return null;
        }

        var bytes = new byte[encoded.Length];
        if (Convert.TryFromBase64String(encoded, bytes, out var length))
        {
            return Encoding.UTF8.GetString(bytes, 0, length);
        }

        data.Fault(field, "is not base64", "encode it, or put it as it is under stringData");
        return null;
    }
}
