using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Service.Secret.V3;
using Grpc.Core;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Keeps the stream to one secret discovery service, for all secrets that are asked of it.</summary>
internal sealed class SecretClient(
    SecretService service, DiscoveryTarget target, Node node, ConfigurationState state, DiscoveryApplication application, SecretStats stats, TimeProvider time, ILogger logger)
    : DiscoveryClient("secret discovery service", target, node, time, logger)
{
    private readonly SecretSource _source = SecretSource.Grpc(service);
    private readonly DeltaTranslation? _delta = service.IsDelta ? new DeltaTranslation() : null;
    private ImmutableArray<string> _names = [];
    private bool _isConnected;

    protected override IDiscoveryCall Open(CallInvoker invoker, CancellationToken cancellation)
    {
        var client = new SecretDiscoveryService.SecretDiscoveryServiceClient(invoker);
        if (_delta is null)
        {
            return new FullDiscoveryCall(client.StreamSecrets(cancellationToken: cancellation));
        }

        _delta.BeginStream();
        return new DeltaDiscoveryCall(client.DeltaSecrets(cancellationToken: cancellation), _delta);
    }

    protected override void UpdateSubscriptions()
    {
        var names = state.SecretServices.GetValueOrDefault(service, []);
        if (names != _names)
        {
            foreach (var name in _names.Except(names, StringComparer.Ordinal))
            {
                stats.SetConnected(name, isConnected: false);
            }

            _names = names;
            Session.Subscribe(XdsTypeUrls.Secret, names);
            Tell();
        }
    }

    protected override IReadOnlyList<AdsRejection> Apply(AdsUpdate update) => application.Apply(update, ResourceOrigin.Wire, _source);

    protected override void SetConnected(bool isConnected)
    {
        _isConnected = isConnected;
        Tell();
    }

    protected override void OnFailure()
    {
        foreach (var name in _names)
        {
            stats.CountFailure(name);
        }
    }

    private void Tell()
    {
        foreach (var name in _names)
        {
            stats.SetConnected(name, _isConnected);
        }
    }
}
